import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job, JobState } from '@bacalhau/models'
import { LIMITS } from '../../runtime/limits.ts'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'
import { ManualClock } from '../testing/clock.ts'
import type { ScriptedOrchestrator } from '../testing/orchestrator.ts'

/** The example of the networking contract. */
const legacy = {
  Engine: 'Docker',
  Docker: { Image: 'ubuntu', Entrypoint: ['echo'], Parameters: ['hello'] },
  Deal: { Concurrency: 1 },
  Verifier: 'Noop',
  PublisherSpec: { Type: 'IPFS' },
}
const ipfs = (CID: string) => ({ Type: 'ipfs', Params: { CID } })

interface RunError {
  Status: number
  Message: string
  Code: string
  Hint?: string
  Details?: Record<string, string>
  error: string
}

async function runner(context: Parameters<typeof temporaryApi>[0], services = {}) {
  const api = await temporaryApi(context, services)
  const run = async (body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const { status, body: answer } = await ask(`${api.url}/api/v1/run`, { method: 'POST', body: text, headers })
    return { status, answer: answer as { cid?: string } & RunError }
  }
  return { ...api, run }
}

/** Ends every job as soon as it is submitted. */
function endAtOnce(orchestrator: ScriptedOrchestrator, state: JobState, message = '', details = {}) {
  orchestrator.onSubmit = ({ ID }: Job) => {
    orchestrator.publish(ID, { Type: 's3', Params: {} }, ipfs('QmResult'))
    orchestrator.become(ID, state, message, details)
  }
}

describe('the generic endpoint', () => {
  test('runs the documented example and answers with the CID', async (context) => {
    const { run, orchestrator } = await runner(context)
    endAtOnce(orchestrator, 'Completed')
    assert.deepEqual(await run(legacy), { status: 200, answer: { cid: 'QmResult' } })
    const [task] = orchestrator.submissions[0]?.spec.Tasks ?? []
    assert.deepEqual(task?.Engine, {
      Type: 'docker',
      Params: {
        Image: 'ubuntu',
        Entrypoint: ['echo'],
        Parameters: ['hello'],
        EnvironmentVariables: [],
        WorkingDirectory: '',
      },
    })
    assert.equal(task?.Publisher.Type, 'ipfs')
  })

  test('takes what curl sends, whatever it calls it', async (context) => {
    const { run, orchestrator } = await runner(context)
    endAtOnce(orchestrator, 'Completed')
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json', 'image/png']) {
      assert.equal((await run(legacy, { 'content-type': type })).status, 200, type)
    }
  })

  test('takes a v1.9 job, bare or in an envelope, and publishes it to IPFS', async (context) => {
    const { run, orchestrator } = await runner(context)
    endAtOnce(orchestrator, 'Completed')
    const [task] = wasmJob.Tasks
    const outputs = { ...wasmJob, Tasks: [{ ...task, publisher: null, ResultPaths: [{ Name: 'out', Path: '/out' }] }] }
    for (const body of [wasmJob, { Job: wasmJob }, { job: wasmJob, Namespace: '' }, outputs, { Job: legacy }]) {
      assert.deepEqual(await run(body), { status: 200, answer: { cid: 'QmResult' } })
      assert.equal(orchestrator.submissions.at(-1)?.spec.Tasks[0]?.Publisher.Type, 'ipfs')
    }
  })

  test('waits for the end, through all changes', async (context) => {
    const { run, orchestrator } = await runner(context)
    const submitted = Promise.withResolvers<string>()
    orchestrator.onSubmit = ({ ID }) => submitted.resolve(ID)
    const answer = run(legacy)
    const id = await submitted.promise
    orchestrator.become(id, 'Queued')
    orchestrator.become(id, 'Running')
    orchestrator.publish(id, ipfs('QmLater'))
    orchestrator.become(id, 'Completed')
    assert.deepEqual((await answer).answer, { cid: 'QmLater' })
  })

  test('says at once which engine is missing', async (context) => {
    const { run, orchestrator } = await runner(context)
    endAtOnce(orchestrator, 'Failed', 'engine docker is offered by none of 2 nodes', {
      ErrorCode: 'EngineMissing',
      Hint: 'Install Docker on a node.',
    })
    const { status, answer } = await run(legacy)
    assert.equal(status, 400)
    assert.equal(answer.Code, 'EngineMissing')
    assert.equal(answer.Hint, 'Install Docker on a node.')
    assert.equal(answer.Message, 'engine docker is offered by none of 2 nodes')
    assert.equal(answer.error, answer.Message)
    assert.match(answer.Details?.['JobID'] ?? '', /^j-/)
  })

  test('tells of every other end', async (context) => {
    const { run, orchestrator } = await runner(context)
    const ended = async (...end: [JobState, string?, object?]) => {
      endAtOnce(orchestrator, ...end)
      const { status, answer } = await run(legacy)
      return [status, answer.Code, answer.Message]
    }
    assert.deepEqual(await ended('Failed', 'boom "quoted"\n', { ErrorCode: 'constructor' }), [
      500,
      'JobFailed',
      'boom "quoted"\n',
    ])
    assert.deepEqual(await ended('Failed'), [500, 'JobFailed', 'the job failed'])
    assert.deepEqual(await ended('Failed', 'too long', { ErrorCode: 'ExecutionTimeout' }), [
      504,
      'ExecutionTimeout',
      'too long',
    ])
    assert.deepEqual(await ended('Stopped', 'by hand'), [409, 'ExecutionCancelled', 'the job was stopped: by hand'])
  })

  test('says when there is no result on IPFS', async (context) => {
    const { run, orchestrator } = await runner(context)
    for (const results of [
      [],
      [{ Type: 's3', Params: { CID: 'no' } }],
      [{ Type: 'ipfs' }],
      [{ Type: 'ipfs', Params: { CID: 1 } }],
    ]) {
      orchestrator.onSubmit = ({ ID }) => {
        orchestrator.publish(ID, ...results)
        orchestrator.become(ID, 'Completed')
      }
      const { status, answer } = await run(legacy)
      assert.deepEqual([status, answer.Code], [502, 'PublishFailed'])
      assert.match(answer.Hint ?? '', /bacalhau job describe j-/)
    }
  })

  test('gives up after a quarter of an hour, without stopping the job', async (context) => {
    const clock = new ManualClock()
    const { run, orchestrator } = await runner(context, { clock })
    const waiting = Promise.withResolvers<void>()
    orchestrator.onWait = () => waiting.resolve()
    const answered = run(legacy)
    await waiting.promise
    clock.advance(LIMITS.runWait)
    const { status, answer } = await answered
    assert.deepEqual([status, answer.Code], [504, 'TimeOut'])
    assert.match(answer.Message, /it goes on/)
    assert.deepEqual(orchestrator.stopped, [])
  })

  test('a caller who hangs up does not stop the job', async (context) => {
    const { url, orchestrator } = await runner(context)
    const [waiting, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    orchestrator.onWait = (signal) => {
      signal.addEventListener('abort', () => gone.resolve())
      waiting.resolve()
    }
    const controller = new AbortController()
    const init = { method: 'POST', body: JSON.stringify(legacy), signal: controller.signal }
    const answer = fetch(`${url}/api/v1/run`, init)
    await waiting.promise
    controller.abort()
    await assert.rejects(answer)
    await gone.promise
    assert.deepEqual(orchestrator.stopped, [])
    assert.equal(orchestrator.submissions.length, 1)
  })

  test('the client of the API runs specs, too', async (context) => {
    const { client, orchestrator } = await runner(context)
    endAtOnce(orchestrator, 'Completed')
    assert.deepEqual(await client.run(legacy), { cid: 'QmResult' })
    endAtOnce(orchestrator, 'Failed', 'it broke', { ErrorCode: 'WasmTrap' })
    await assert.rejects(client.run(legacy), { name: 'ApiError', code: 'WasmTrap', message: 'it broke' })
  })

  const BAD: readonly [name: string, body: unknown, message: RegExp][] = [
    ['nothing', '', /empty/],
    ['no JSON', '{"Engine":', /not valid JSON/],
    ['a list', [], /got a list/],
    ['a number', '5', /./],
    ['an unknown engine', { ...legacy, Engine: 'Dokcer' }, /Engine/],
    ['an unknown field', { ...legacy, Dael: {} }, /unknown field 'Dael'.*'Deal'/],
    ['no image', { Engine: 'Docker' }, /Docker\.Image/],
    ['too many confident', { ...legacy, Deal: { Concurrency: 1, Confidence: 2 } }, /confidence/],
    ['a verifier', { ...legacy, Verifier: 'Deterministic' }, /Verifier/],
    ['another publisher', { ...legacy, PublisherSpec: { Type: 'S3' } }, /Publisher: 's3' gives no CID/],
    ['a service', { ...wasmJob, Type: 'service' }, /never ends/],
    ['no tasks', { ...wasmJob, Tasks: [] }, /Tasks/],
    ['an empty envelope', { Job: null }, /empty\/nil job|missing/i],
  ]
  for (const [name, body, message] of BAD) {
    test(`${name}: 400 with the reason`, async (context) => {
      const { run, orchestrator } = await runner(context)
      const { status, answer } = await run(body)
      assert.equal(status, 400)
      assert.match(answer.Message, message)
      assert.equal(answer.error, answer.Message)
      assert.equal(orchestrator.submissions.length, 0)
    })
  }

  test('refuses a body that is too large', async (context) => {
    const { run } = await runner(context)
    const { status, answer } = await run('x'.repeat(LIMITS.requestBody + 1))
    assert.deepEqual([status, answer.Code], [413, 'PayloadTooLarge'])
  })

  test('hears the whole of such a body, so that its sender hears the answer', async (context) => {
    const { run } = await runner(context)
    // More than a connection holds in its buffers: cut off while it sends, a client would see no answer.
    for (let attempt = 0; attempt < 3; attempt++) {
      const { status } = await run('x'.repeat(5 * LIMITS.requestBody))
      assert.equal(status, 413)
    }
  })

  test('takes only POST', async (context) => {
    const { url } = await runner(context)
    const { status, headers, body } = await ask(`${url}/api/v1/run`)
    assert.equal(status, 405)
    assert.equal(headers.get('allow'), 'POST')
    assert.equal((body as RunError).Code, 'MethodNotAllowed')
  })
})
