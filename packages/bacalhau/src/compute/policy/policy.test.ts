import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { sampleJob } from '../../link/fixtures/samples.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { tempFolder } from '../fixtures/bench.ts'
import { createScriptedSource } from '../fixtures/scripted.ts'
import { createPolicy, type PolicyRules } from './policy.ts'

const never = () => new AbortController().signal
const INPUT = { Source: { Type: 'note', Params: { Text: 'a' } }, Alias: '', Target: '/in' }
const job = (task: object = {}) => sampleJob({ Engine: { Type: 'noop' }, ...task })

function policyOf(rules: Partial<PolicyRules>, local = true) {
  const clock = createVirtualClock()
  const source = { ...createScriptedSource(), measure: async () => ({ bytes: 1, local }) }
  const capabilities = { executors: [], sources: [source], publishers: [] }
  const general = { locality: 'anywhere', rejectStateless: false, rejectNetworked: false } as const
  return { clock, policy: createPolicy({ rules: { ...general, ...rules }, capabilities, clock }) }
}

const decide = (rules: Partial<PolicyRules>, task: object = {}, local = true) =>
  policyOf(rules, local).policy.consider(job(task), never())

/** A policy server of the operator. */
async function serverOf(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const server = createServer((...both) => void answer(...both)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ask?key=secret`
}

describe('a policy that says nothing', () => {
  test('takes everything, and asks nobody', () => {
    const { policy } = policyOf({})
    assert.deepEqual(policy.refusals(job({ Network: { Type: 'Full' } })), [])
    assert.equal(policy.consider(job(), never()), undefined)
  })
})

describe('what the job itself says', () => {
  test('jobs without inputs', () => {
    const { policy } = policyOf({ rejectStateless: true })
    assert.deepEqual(policy.refusals(job()), ['this node does not accept jobs without any input volumes'])
    assert.deepEqual(policy.refusals(job({ InputSources: [INPUT] })), [])
  })

  test('jobs that ask for a network', () => {
    const { policy } = policyOf({ rejectNetworked: true })
    for (const Type of ['Full', 'HTTP', 'Bridge', 'Host']) {
      assert.deepEqual(policy.refusals(job({ Network: { Type } })), [
        'this node does not run jobs that require network access',
      ])
    }
    for (const Type of ['None', 'Default']) assert.deepEqual(policy.refusals(job({ Network: { Type } })), [])
  })
})

describe('only jobs whose inputs are here', () => {
  const local = { locality: 'local' } as const

  test('are taken when they are', async () => {
    assert.equal(await decide(local, { InputSources: [INPUT] }), undefined)
    assert.equal(decide(local), undefined)
  })

  test('are refused for now when they are not', async () => {
    const inputs = { InputSources: [INPUT, { ...INPUT, Target: '/b' }] }
    assert.deepEqual(await decide(local, inputs, false), {
      reason: 'this node does not have all input data locally (2 inputs require downloading)',
      later: true,
    })
  })
})

describe('a command', () => {
  test('gets the job, and nothing of the environment of the node but PATH', async (t) => {
    const folder = await tempFolder(t)
    process.env['BACALHAU_TEST_SECRET'] = 'x'
    t.after(() => delete process.env['BACALHAU_TEST_SECRET'])
    const probeExec = `cat > ${folder}/stdin; printf %s "$BACALHAU_JOB_SELECTION_PROBE_DATA" > ${folder}/variable; env > ${folder}/env`
    assert.equal(await decide({ probeExec }), undefined)
    const [stdin, variable, env] = await Promise.all(
      ['stdin', 'variable', 'env'].map((name) => readFile(path.join(folder, name), 'utf8')),
    )
    assert.deepEqual(JSON.parse(stdin ?? ''), JSON.parse(JSON.stringify({ Job: job() })))
    assert.equal(variable, stdin)
    assert.doesNotMatch(env ?? '', /BACALHAU_TEST_SECRET/)
  })

  test('point 30: gets a large job on its standard input only', async (t) => {
    const folder = await tempFolder(t)
    const probeExec = `wc -c > ${folder}/size; test -z "$BACALHAU_JOB_SELECTION_PROBE_DATA"`
    assert.equal(await decide({ probeExec }, { Env: { LARGE: 'x'.repeat(131_000) } }), undefined)
    assert.ok(Number(await readFile(path.join(folder, 'size'), 'utf8')) > 131_000)
  })

  test('refuses by its exit code, in its own words if it has any', async () => {
    assert.deepEqual(await decide({ probeExec: 'exit 3' }), {
      reason: 'this node does not accept jobs where its external command returns exit code 3',
      later: false,
    })
    assert.deepEqual(await decide({ probeExec: 'echo unheard; echo "too 100% large " >&2; exit 1' }), {
      reason: 'this node does not accept this job: too 100% large',
      later: false,
    })
    const long = await decide({ probeExec: 'head -c 100000 /dev/zero | tr "\\0" x >&2; false' })
    assert.ok((long?.reason.length ?? 0) < LIMITS.message + 100)
  })

  test('that does not read what it gets decides all the same', async () => {
    assert.equal(await decide({ probeExec: 'exec 0<&-' }, { Env: { LARGE: 'x'.repeat(131_000) } }), undefined)
  })

  test('that takes too long is killed with all that it began, and the job may come again', async (t) => {
    const folder = await tempFolder(t)
    const fifo = path.join(folder, 'fifo')
    const { clock, policy } = policyOf({
      probeExec: `mkfifo ${fifo}; echo begun > ${folder}/begun; cat ${fifo} & wait`,
    })
    const deciding = policy.consider(job(), never())
    while ((await readFile(path.join(folder, 'begun')).catch(() => '')).length === 0) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    await clock.advance(LIMITS.admission)
    assert.deepEqual(await deciding, {
      reason: 'this node cannot decide about the job: its policy gave no answer within 20 s',
      later: true,
    })
    await rm(fifo, { force: true })
  })
})

describe('a web address', () => {
  test('gets the job, and takes it by any good answer that says nothing else', async (t) => {
    const seen: string[] = []
    const probeHttp = await serverOf(t, async (request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers['content-type']}`, await text(request))
      response.end('no JSON')
    })
    assert.equal(await decide({ probeHttp }), undefined)
    assert.equal(seen[0], 'POST /ask?key=secret application/json')
    assert.deepEqual(JSON.parse(seen[1] ?? ''), JSON.parse(JSON.stringify({ Job: job() })))
  })

  const answering = async (t: TestContext, body: string, type = 'application/json; charset=utf-8', status = 200) =>
    decide({
      probeHttp: await serverOf(t, (_, response) => response.writeHead(status, { 'content-type': type }).end(body)),
    })

  test('point 30: decides by its document, whatever the case of its keys', async (t) => {
    assert.equal(await answering(t, '{"shouldBid":true,"reason":"fine"}'), undefined)
    assert.deepEqual(await answering(t, '{"ShouldBid":false,"Reason":"not today"}'), {
      reason: 'this node does not accept this job: not today',
      later: false,
    })
    const silent = await answering(t, '{"shouldBid":false}')
    assert.match(
      silent?.reason ?? '',
      /accept jobs where url "http:\/\/127.0.0.1:\d+\/ask" returns HTTP status code 200$/,
    )
  })

  test('point 30: may answer in many pieces, without saying how many', async (t) => {
    const reason = 'x'.repeat(4_000)
    const probeHttp = await serverOf(t, async (_, response) => {
      response.writeHead(200, { 'content-type': 'APPLICATION/JSON' })
      for (const piece of JSON.stringify({ shouldBid: false, reason }).match(/.{1,500}/g) ?? []) {
        await new Promise<void>((resolve) => response.write(piece, () => resolve()))
      }
      response.end()
    })
    assert.equal((await decide({ probeHttp }))?.reason, `this node does not accept this job: ${reason}`)
  })

  test('refuses by its status, without telling its secrets; one in trouble is asked again', async (t) => {
    const refused = await answering(t, '{"shouldBid":true}', 'application/json', 403)
    assert.match(
      refused?.reason ?? '',
      /^this node does not accept jobs where url .*\/ask" returns HTTP status code 403$/,
    )
    assert.deepEqual([refused?.later, (await answering(t, '', 'text/plain', 503))?.later], [false, true])
  })

  test('that cannot be understood or reached decides nothing', async (t) => {
    for (const body of ['{"shouldBid":"yes"}', '[]', '{', '{"reason":"x"}', ' '.repeat(LIMITS.probeAnswer + 1)]) {
      const opinion = await answering(t, body)
      assert.match(opinion?.reason ?? '', /^this node cannot decide about the job: (url|its answer)/, body.slice(0, 20))
      assert.equal(opinion?.later, true)
    }
    const closed = await serverOf(t, (request) => request.socket.destroy())
    assert.match((await decide({ probeHttp: closed }))?.reason ?? '', /cannot be asked \(/)
  })

  test('point 30: that takes too long is left', async (t) => {
    const asked = Promise.withResolvers<void>()
    const probeHttp = await serverOf(t, () => asked.resolve())
    const { clock, policy } = policyOf({ probeHttp })
    const deciding = policy.consider(job(), never())
    await asked.promise
    await clock.advance(LIMITS.admission)
    assert.match((await deciding)?.reason ?? '', /gave no answer within 20 s/)
  })
})
