import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { packTar } from 'modern-tar'
import { WebSocket } from 'ws'
import { GO_ANSWERS } from '../api/legacy/fixtures/go-types.ts'
import { shapeDifferences } from '../api/legacy/fixtures/shape.ts'
import { clientIdOf } from '../network/user-key.ts'
import { startLocalNode } from './fixtures/local-node.ts'
import type { RunningNode } from './serve.ts'

/**
 * Everything that the command line of release 1.2.3 was recorded to say to its own server, said to a node of ours that runs the
 * jobs. The answers must have the form that was recorded, and be readable by a Go program; what differs is listed here.
 */

interface Exchange {
  readonly cli?: string
  readonly method: string
  readonly url: string
  readonly status: number | null
  readonly reqHeaders?: Readonly<Record<string, string>>
  readonly request: unknown
  readonly requestRaw?: string
  readonly response?: unknown
  readonly resHeaders?: Readonly<Record<string, string>>
  readonly frames?: readonly { readonly opcode: number; readonly text: string }[]
}

const FIXTURES = path.join(import.meta.dirname, '../api/legacy/fixtures')
const recorded = async (name: string) => JSON.parse(await readFile(path.join(FIXTURES, name), 'utf8')) as Exchange[]
const cli = await recorded('http-cli-v1.2.3.json')
const others = await recorded('http-auth-agent-results-v1.2.3.json')

/** Module that never ends by itself. */
const LOOPS = 'AGFzbQEAAAABBAFgAAADAgEABwoBBl9zdGFydAAACgkBBwADQAwACws='

let folder = ''
let node: RunningNode

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'older-'))
  node = await startLocalNode(folder, { BACALHAU_ORCHESTRATOR_ENABLED: 'true', BACALHAU_COMPUTE_ENABLED: 'true' })
})

after(async () => {
  await node.stop()
  await rm(folder, { recursive: true })
})

const key = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ME = clientIdOf(key.publicKey)
const publicText = ({ publicKey }: { publicKey: KeyObject }) =>
  publicKey.export({ type: 'pkcs1', format: 'der' }).toString('base64')
const signatureOf = (bytes: string | Uint8Array) =>
  sign(
    'sha256',
    Buffer.from(bytes),
    createPrivateKey(key.privateKey.export({ type: 'pkcs1', format: 'pem' })),
  ).toString('base64')

/** As the Go program writes it: payload, signature, key, and a newline. */
function signed(payload: unknown): string {
  const raw = JSON.stringify(payload)
  return `{"payload":${raw},"signature":"${signatureOf(raw)}","client_public_key":"${publicText(key)}"}\n`
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

async function ask({ method, reqHeaders = {} }: Exchange, url: string, body: string | undefined): Promise<Answer> {
  const response = await fetch(node.apiUrl + url, {
    method,
    headers: { ...reqHeaders, authorization: 'Bearer e30.e30.e30' },
    ...(body === undefined ? {} : { body }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** Path of a request with `*` for each id. */
const patternOf = ({ method, url }: Exchange) =>
  `${method} ${url.replace(/\?.*/, '').replace(/\/(jobs|nodes)\/[^/]+/, '/$1/*')}`

function checkAnswer(exchange: Exchange, answer: Answer, allowed: readonly string[] = []): void {
  const decode = GO_ANSWERS[patternOf(exchange)]
  assert.ok(decode, `no type for ${patternOf(exchange)}`)
  assert.equal(answer.status, exchange.status)
  decode(answer.body, '')
  assert.deepEqual(
    shapeDifferences(exchange.response, answer.body).filter((each) => !allowed.includes(each)),
    [],
  )
  for (const [name, value] of Object.entries(exchange.resHeaders ?? {})) {
    const found = answer.headers.get(name)
    if (name.startsWith('x-bacalhau')) assert.ok(found, `${name} is missing`)
    else if (name === 'content-type') assert.equal(found, value.replace(/;.*/, ''))
  }
  for (const name of ['git-version', 'git-commit', 'build-date', 'build-os', 'arch'])
    assert.notEqual(answer.headers.get(`x-bacalhau-${name}`), null)
  assert.notEqual(answer.headers.get('x-request-id'), null)
}

/** Jobs of ours run as long as they like where nobody said how long; modules are shown in full. */
const NO_TIMEOUT = '-Job.Tasks[].Timeouts.ExecutionTimeout'
const JOB_DIFFERENCES = [
  '+Job.Tasks[].Engine.Params.EnvironmentVariables',
  '+Job.Tasks[].Engine.Params.EntryModule.Alias',
  '+Job.Tasks[].Engine.Params.EntryModule.Target',
  // Why it is so.
  '+Job.State.Message',
  NO_TIMEOUT,
]
/** What release 1.3 reads of a node, which that of 1.2 passes over. */
const NODE_DIFFERENCES = ['+Info', '+Membership', '+Connection']

const exchangeOf = (index: number): Exchange => {
  const exchange = cli[index]
  if (exchange === undefined) throw new Error(`there is no exchange ${index}`)
  return exchange
}

/** Replays one exchange with our ids in place of the recorded ones. */
async function replay(
  exchange: Exchange,
  id: string,
  client: string,
  allowed: readonly string[] = [],
): Promise<Answer> {
  const uuid = /j-[\da-f-]{36}|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g
  const body =
    exchange.request === null
      ? undefined
      : `${JSON.stringify(exchange.request).replaceAll(uuid, id).replaceAll(THEIRS, client)}\n`
  const answer = await ask(exchange, exchange.url.replaceAll(uuid, id), body)
  checkAnswer(exchange, answer, allowed)
  return answer
}

interface Signed {
  readonly payload: { readonly ClientID: string }
}
const THEIRS = (exchangeOf(0).request as Signed).payload.ClientID

interface Submitted {
  readonly job: { readonly Metadata: { readonly ID: string } }
}

/** Submits what was recorded, signed by the key that signed it then. */
async function submitTheirs(): Promise<string> {
  const exchange = exchangeOf(0)
  const answer = await ask(exchange, exchange.url, exchange.requestRaw)
  checkAnswer(exchange, answer)
  return (answer.body as Submitted).job.Metadata.ID
}

/** The recorded submission number `index`, signed by us, of a module that does not end. */
async function submitEndless(index: number): Promise<string> {
  const exchange = exchangeOf(index)
  const { payload } = exchange.request as Signed
  const text = JSON.stringify({ ...payload, ClientID: ME }).replace(/base64,[\w+/=]+/, `base64,${LOOPS}`)
  const answer = await ask(exchange, exchange.url, signed(JSON.parse(text)))
  checkAnswer(exchange, answer)
  return (answer.body as Submitted).job.Metadata.ID
}

interface Events {
  readonly events: readonly { readonly JobState: { readonly New: string } }[]
}

/** Asks for events as `wasm run` does, until the job is in this state. */
async function untilState(id: string, client: string, state: string): Promise<readonly unknown[]> {
  for (;;) {
    const { body } = await replay(exchangeOf(2), id, client)
    const { events } = body as Events
    if (events.at(-1)?.JobState.New === state) return events
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function readLog(url: string): Promise<{ readonly frames: readonly string[]; readonly code: number }> {
  const socket = new WebSocket(node.apiUrl.replace('http', 'ws') + url)
  const frames: string[] = []
  socket.on('message', (data: Buffer, isBinary) => frames.push(isBinary ? 'binary' : data.toString()))
  const [code] = (await once(socket, 'close')) as [number]
  return { frames, code }
}

describe('the command line of release 1.2.3', () => {
  test('runs a module, waits for its end, and looks at it', async () => {
    const id = await submitTheirs()
    await replay(exchangeOf(1), id, THEIRS)
    const events = await untilState(id, THEIRS, 'Completed')
    assert.ok(events.length >= 3)
    for (const index of [3, 4, 11, 14]) await replay(exchangeOf(index), id, THEIRS)
    const { body } = await replay(exchangeOf(4), id, THEIRS)
    const { state } = body as { state: { State: string; Executions: { RunOutput: object }[] } }
    assert.equal(state.State, 'Completed')
    assert.deepEqual(state.Executions[0]?.RunOutput, {
      stdout: 'hi\n',
      stdouttruncated: false,
      stderr: '',
      stderrtruncated: false,
      exitCode: 0,
      runnerError: '',
    })
    await replay(exchangeOf(15), id, THEIRS)
    await replay(exchangeOf(17), id, THEIRS, ['+History[].Comment'])
    await replay(exchangeOf(18), id, THEIRS, [
      '+Executions[].AllocatedResources.Tasks.main',
      '+Executions[].ComputeState.Message',
    ])
    for (const index of [16, 20]) {
      const { frames = [], url } = exchangeOf(index)
      const { frames: got, code } = await readLog(url.replace(/[\da-f-]{36}/, id))
      assert.deepEqual(got, ['{"value":{"Type":1,"Line":"hi\\n"}}\n'])
      assert.equal(code, Number.parseInt(frames.at(-1)?.text ?? '', 16))
    }
  })

  test('runs a module that it sends as an archive', async () => {
    const exchange = exchangeOf(0)
    const { payload } = exchange.request as Signed
    const text = JSON.stringify(payload)
    const module = Buffer.from(/base64,([\w+/=]+)/.exec(text)?.[1] ?? '', 'base64')
    const header = { name: 'hi.wasm', size: module.byteLength, type: 'file', mode: 0o755 } as const
    const archive = gzipSync(await packTar([{ header, body: module }])).toString('base64')
    const packed = text.replace(/data:application\/wasm;base64,[\w+/=]+/, `data:application/gzip;base64,${archive}`)
    const answer = await ask(exchange, exchange.url, signed({ ...(JSON.parse(packed) as object), ClientID: ME }))
    checkAnswer(exchange, answer)
    const id = (answer.body as Submitted).job.Metadata.ID
    await untilState(id, ME, 'Completed')
    await replay(exchangeOf(3), id, ME)
  })

  for (const [first, name] of [
    [5, 'batch'],
    [8, 'ops'],
  ] as const) {
    test(`runs a ${name} job of today's kind`, async () => {
      const { body } = await replay(exchangeOf(first), '', THEIRS)
      const { JobID } = body as { JobID: string }
      for (;;) {
        const { body: found } = await replay(exchangeOf(first + 2), JobID, THEIRS, JOB_DIFFERENCES)
        const { StateType } = (found as { Job: { State: { StateType: string } } }).Job.State
        assert.notEqual(StateType, 'Failed', JSON.stringify(found))
        if (StateType === 'Completed') break
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      await replay(exchangeOf(first + 1), JobID, THEIRS, JOB_DIFFERENCES)
      for (const more of ['?include=executions', '?include=history']) {
        const exchange = exchangeOf(first + 1)
        const { status, body: described } = await ask(
          exchange,
          `${exchange.url.replace(/j-[\da-f-]+/, JobID)}${more}`,
          undefined,
        )
        assert.equal(status, 200)
        GO_ANSWERS[patternOf(exchange)]?.(described, '')
      }
    })
  }

  test('lists jobs and nodes', async () => {
    const url = '/api/v1/orchestrator/jobs?labels=bacalhau_canary%21%3Dtrue&limit=10'
    const { status, body } = await ask({ ...exchangeOf(12), url }, url, undefined)
    assert.equal(status, 200)
    GO_ANSWERS['GET /api/v1/orchestrator/jobs']?.(body, '')
    const allowed = ['+Nodes[].ComputeNodeInfo', ...NODE_DIFFERENCES.map((each) => each.replace('+', '+Nodes[].'))]
    const { body: nodes } = await replay(exchangeOf(12), '', THEIRS, allowed)
    const [first] = (nodes as { Nodes: { NodeID: string }[] }).Nodes
    assert.equal(first?.NodeID, node.peerId)
    const one = `/api/v1/orchestrator/nodes/${node.peerId}`
    const { body: described } = await ask(exchangeOf(12), one, undefined)
    GO_ANSWERS['GET /api/v1/orchestrator/nodes/*']?.(described, '')
  })

  test('tells versions', async () => {
    await replay(exchangeOf(13), '', ME)
  })

  test('cancels a job', async () => {
    const id = await submitEndless(19)
    await untilState(id, ME, 'InProgress')
    for (const index of [21, 22]) await replay(exchangeOf(index), id, ME)
    const exchange = exchangeOf(23)
    const { payload } = exchange.request as Signed
    const answer = await ask(exchange, exchange.url, signed({ ...payload, ClientID: ME, JobID: id }))
    // Ours says why, too.
    checkAnswer(exchange, answer, ['+state.Status'])
    assert.equal((answer.body as { state: { State: string } }).state.State, 'Cancelled')
  })

  test('stops a job, which its own server had no path for', async () => {
    const id = await submitEndless(24)
    await untilState(id, ME, 'InProgress')
    // Its own server gave the entry point back as each of its clients spelled it; that client reads either.
    const spelled = ['-Job.Tasks[].Engine.Params.Entrypoint', '+Job.Tasks[].Engine.Params.EntryPoint']
    await replay(exchangeOf(25), id, ME, [NO_TIMEOUT, '+Job.State.Message', ...spelled])
    const { body } = await replay({ ...exchangeOf(26), status: 200, response: { EvaluationID: '' } }, id, ME)
    assert.match((body as { EvaluationID: string }).EvaluationID, /^[\da-f-]{36}$/)
    await untilState(id, ME, 'Cancelled')
  })
})

describe('logging in, and the node itself, as release 1.2.3 asks', () => {
  const [methods, login, agent, alive, version, results] = others
  const headers = { 'x-bacalhau-git-version': 'v1.2.3', 'content-type': 'application/json' }
  const asked = (exchange: Exchange | undefined): Exchange => {
    if (exchange === undefined) throw new Error('an exchange is missing')
    return { ...exchange, reqHeaders: headers }
  }

  test('a client key signs a phrase and gets a token', async () => {
    const { body } = await replay(asked(methods), '', ME)
    const { Methods } = body as { Methods: { clientkey: { params: { InputPhrase: string } } } }
    const phrase = Buffer.from(Methods.clientkey.params.InputPhrase, 'base64')
    const data = { PhraseSignature: signatureOf(phrase), PublicKey: publicText(key) }
    const MethodData = Buffer.from(JSON.stringify(data)).toString('base64')
    const exchange = asked(login)
    const answer = await ask(exchange, exchange.url, JSON.stringify({ ...(exchange.request as object), MethodData }))
    checkAnswer(exchange, answer)
    const { token } = (answer.body as { Authentication: { token: string } }).Authentication
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sub: string }
    assert.equal(claims.sub, ME)
  })

  for (const exchange of [agent, alive, version]) {
    test(`${exchange?.url}`, async () => {
      await replay(asked(exchange), '', ME, exchange === agent ? NODE_DIFFERENCES : [])
    })
  }

  test('a Go node that is given our API as a peer finds its ID in both forms', async () => {
    // Such a node says nothing of its release.
    const { body } = await ask({ ...asked(agent), reqHeaders: {} }, '/api/v1/agent/node', undefined)
    const { PeerInfo, Info } = body as { PeerInfo: { ID: string; Addrs: string[] }; Info: { PeerInfo: object } }
    assert.equal(PeerInfo.ID, node.peerId)
    assert.deepEqual(Info.PeerInfo, PeerInfo)
    assert.ok(PeerInfo.Addrs.every((address) => !address.includes('/p2p/')))
  })

  /** A job that ends, with its results there. */
  async function publishedTo(Publisher: string): Promise<string> {
    const submit = exchangeOf(0)
    const { payload } = submit.request as Signed
    const spec = (payload as unknown as { Spec: object }).Spec
    const submission = { ...payload, ClientID: ME, Spec: { ...spec, PublisherSpec: { Type: Publisher }, Publisher } }
    const answer = await ask(submit, submit.url, signed(submission))
    const id = (answer.body as Submitted).job.Metadata.ID
    await untilState(id, ME, 'Completed')
    return id
  }

  test('results that are to be downloaded', async () => {
    const exchange = asked(results)
    const id = await publishedTo('local')
    const { body } = await replay(exchange, id, ME)
    const { URL } = (body as { Results: { Params: { URL: string } }[] }).Results[0]?.Params ?? { URL: '' }
    // What ends so, those programs unpack.
    assert.match(URL, /\.tgz$/)
    const archive = await fetch(URL)
    assert.equal(archive.status, 200)
    assert.deepEqual([...new Uint8Array(await archive.arrayBuffer())].slice(0, 2), [0x1f, 0x8b])
  })

  test('results in IPFS', async () => {
    const exchange = asked(results)
    const id = await publishedTo('ipfs')
    const { body } = await ask(exchange, `/api/v1/orchestrator/jobs/${id}/results`, undefined)
    const [result] = (body as { Results: { Type: string; Params: { CID: string } }[] }).Results
    assert.equal(result?.Type, 'ipfs')
    assert.match(result.Params.CID, /^(Qm|b)/)
  })
})
