import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { clientIdOf } from '../../network/user-key.ts'
import { ask, PEER_ID, temporaryApi, wasmJob } from '../testing/api.ts'
import { executionOf } from '../testing/execution.ts'

const REQUESTER = '/api/v1/requester'
const me = generateKeyPairSync('rsa', { modulusLength: 2_048 })
const ME = clientIdOf(me.publicKey)

/** What programs of release 1.2 submit for `bacalhau wasm run hi.wasm`. */
const Spec = {
  EngineSpec: {
    Type: 'wasm',
    Params: {
      EntryModule: { StorageSource: 'inline', URL: 'data:application/wasm;base64,AGFzbQ==' },
      Entrypoint: '_start',
      EnvironmentVariables: {},
      ImportModules: [],
      Parameters: [],
    },
  },
  Publisher: 'noop',
  PublisherSpec: { Type: 'noop' },
  Docker: {},
  Wasm: { EntryModule: {} },
  Resources: { GPU: '' },
  Network: { Type: 'None' },
  Outputs: [{ StorageSource: 'ipfs', Name: 'outputs', Path: '/outputs' }],
  Deal: { Concurrency: 1 },
}
const submission = { ClientID: ME, APIVersion: 'V1beta2', Spec }

interface Key {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** A signed request, with blanks where no other program would put them: the bytes count. */
function signed(payload: object, key: Key = me, name = 'payload') {
  const raw = JSON.stringify(payload, undefined, 1)
  const signature = sign('sha256', Buffer.from(raw), key.privateKey).toString('base64')
  const text = key.publicKey.export({ type: 'pkcs1', format: 'der' }).toString('base64')
  return post(`{"${name}": ${raw} ,"signature":"${signature}","client_public_key":"${text}"}\n`)
}

const post = (body: string | object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

interface LegacyJob {
  readonly APIVersion: string
  readonly Metadata: { readonly ID: string; readonly ClientID: string; readonly Requester: object }
  readonly Spec: Readonly<Record<string, unknown>>
}

async function withJob(context: Parameters<typeof temporaryApi>[0]) {
  const api = await temporaryApi(context)
  const requester = async (name: string, init: RequestInit) => (await ask(`${api.url}${REQUESTER}/${name}`, init)).body
  const { job } = (await requester('submit', signed(submission))) as { job: LegacyJob }
  return { ...api, requester, job, id: job.Metadata.ID }
}

describe('submission of the libp2p era', () => {
  test('is translated, belongs to the key that signed it, and is answered in its own form', async (context) => {
    const { job, orchestrator } = await withJob(context)
    assert.equal(orchestrator.submissions[0]?.spec.Namespace, ME)
    assert.equal(orchestrator.submissions[0]?.spec.Tasks[0]?.Engine.Type, 'wasm')
    assert.equal(job.APIVersion, 'V1beta2')
    assert.equal(job.Metadata.ClientID, ME)
    assert.deepEqual(job.Metadata.Requester, { RequesterNodeID: PEER_ID })
    assert.deepEqual(Object.keys(job.Spec), [
      'Engine',
      'EngineSpec',
      'Publisher',
      'PublisherSpec',
      'Docker',
      'Wasm',
      'Resources',
      'Network',
      'Timeout',
      'Outputs',
      'Deal',
    ])
    const EntryModule = Spec.EngineSpec.Params.EntryModule
    assert.deepEqual(job.Spec['Wasm'], { EntryModule, EntryPoint: '_start' })
    assert.deepEqual(job.Spec['Outputs'], [{ StorageSource: 'ipfs', Name: 'outputs', Path: '/outputs' }])
    assert.deepEqual(job.Spec['Deal'], { Concurrency: 1 })
  })

  test('goes by the paths and names of earlier releases, too', async (context) => {
    const { url, orchestrator } = await temporaryApi(context)
    const old = signed(submission, me, 'job_create_payload')
    assert.equal((await ask(`${url}/requester/submit`, old)).status, 200)
    assert.equal(orchestrator.submissions.length, 1)
  })

  const other = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const REFUSED: readonly [name: string, request: RequestInit, message: RegExp][] = [
    ['what another key signed', signed(submission, other), /ClientID is not the one/],
    ['what names nobody', signed({ Spec }), /ClientID is not the one/],
    ['a changed payload', { ...signed(submission), body: tampered() }, /signature is invalid/],
    ['an unsigned payload', post({ payload: submission }), /signature and client_public_key are wanted/],
    ['no payload', post({ signature: 'a', client_public_key: 'b' }), /payload, signature/],
    ['no key', post({ payload: submission, signature: 'a', client_public_key: 'b' }), /not an RSA key/],
    ['a job from within a job', { ...signed(submission), headers: { 'x-bacalhau-job-id': 'j' } }, /X-Bacalhau-Job-ID/],
    [
      'a spec that cannot be honoured',
      signed({ ...submission, Spec: { ...Spec, Verifier: 'Deterministic' } }),
      /Verifier/,
    ],
    ['no spec', signed({ ClientID: ME }), /.+/],
    ['nothing', { method: 'POST' }, /empty/],
  ]
  function tampered(): string {
    return signed(submission).body.replace('"Concurrency": 1', '"Concurrency": 9')
  }
  for (const [name, request, message] of REFUSED) {
    test(`refuses ${name}`, async (context) => {
      const { url, orchestrator } = await temporaryApi(context)
      const { status, body } = await ask(`${url}${REQUESTER}/submit`, request)
      assert.equal(status, 400)
      assert.match((body as { Message: string }).Message, message)
      assert.equal(orchestrator.submissions.length, 0)
    })
  }
})

describe('jobs in the form of the libp2p era', () => {
  test('tell their states', async (context) => {
    const { requester, orchestrator, id } = await withJob(context)
    const output = {
      Stdout: 'hi\n',
      StdoutTruncated: false,
      stderr: '',
      StderrTruncated: false,
      ExitCode: 0,
      ErrorMsg: '',
    }
    orchestrator.addExecution(
      executionOf(id, 'e-1', 'Completed', {
        ComputeState: { StateType: 9, Message: 'done' },
        RunOutput: output,
        PublishedResult: { Type: 'ipfs', Params: { CID: 'QmResult' } },
      }),
    )
    orchestrator.addExecution(executionOf(id, 'e-2', 'Running'))
    orchestrator.become(id, 'Completed')
    const { state } = (await requester('states', post({ client_id: ME, job_id: id }))) as {
      state: { State: string; Executions: Record<string, unknown>[] }
    }
    assert.equal(state.State, 'Completed')
    assert.deepEqual(
      state.Executions.map(({ ComputeReference, State, Status }) => [ComputeReference, State, Status]),
      [
        ['e-1', 'Completed', 'done. '],
        ['e-2', 'BidAccepted', '. '],
      ],
    )
    assert.deepEqual(state.Executions[0]?.['RunOutput'], {
      stdout: 'hi\n',
      stdouttruncated: false,
      stderr: '',
      stderrtruncated: false,
      exitCode: 0,
      runnerError: '',
    })
    assert.deepEqual(await requester('results', post({ client_id: ME, job_id: id })), {
      results: [{ NodeID: 'node', Data: { StorageSource: 'ipfs', CID: 'QmResult', Name: 'e-1' } }],
    })
  })

  test('tell what happened to them, up to the end that their clients wait for', async (context) => {
    const { requester, orchestrator, id } = await withJob(context)
    orchestrator.event(id, 'placed', 'e-1')
    const events = async () => {
      const body = (await requester('events', post({ client_id: ME, job_id: id, filters: { since: 0 } }))) as {
        events: { JobState: object; Comment: string; NewVersion: number }[]
      }
      return body.events.map(({ JobState, Comment, NewVersion }) => [NewVersion, Comment, JobState])
    }
    assert.deepEqual(await events(), [[1, 'Job submitted', { Previous: 'New', New: 'New' }]])
    orchestrator.become(id, 'Running')
    orchestrator.become(id, 'Failed')
    assert.deepEqual((await events()).slice(1), [
      [2, 'Running', { Previous: 'New', New: 'InProgress' }],
      [3, 'Failed', { Previous: 'InProgress', New: 'Error' }],
    ])
    const filtered = async (filters: object) => {
      const body = (await requester('events', post({ job_id: id, filters }))) as { events: { NewVersion: number }[] }
      return body.events.map(({ NewVersion }) => NewVersion)
    }
    // Events of a test are a second apart, from this one on; the second of them is one of an execution.
    const begin = 1_700_000_000
    assert.deepEqual(await filtered({ since: begin + 2 }), [2, 3])
    assert.deepEqual(await filtered({ since: begin + 9 }), [])
    assert.deepEqual(await filtered({ exclude_job_level: true }), [])
    assert.deepEqual(await filtered({}), [1, 2, 3])
  })

  test('are listed and described', async (context) => {
    const { requester, client, id } = await withJob(context)
    await client.jobs.submit({ ...wasmJob, Labels: { tag: '' } })
    const list = async (query: object) => {
      const { jobs } = (await requester('list', post(query))) as { jobs: { Job: LegacyJob; State: object }[] }
      return jobs.map(({ Job }) => Job.Metadata.ID)
    }
    const standard = { client_id: ME, include_tags: [], exclude_tags: ['bacalhau-canary'], max_jobs: 10 }
    assert.deepEqual(await list({ ...standard, return_all: false, sort_by: 'created_at', sort_reverse: true }), [id])
    assert.equal((await list({ ...standard, return_all: true })).length, 2)
    assert.deepEqual(await list({ id, client_id: ME, max_jobs: 1 }), [id])
    assert.deepEqual(await list({ id: id.slice(0, 10), client_id: ME, max_jobs: 1 }), [id])
    assert.deepEqual(await list({ id: 'j-none', client_id: ME }), [])
  })

  test('are cancelled by the key that submitted them', async (context) => {
    const { requester, orchestrator, client, id, url } = await withJob(context)
    const Reason = 'Canceled at user request'
    const { state } = (await requester('cancel', signed({ ClientID: ME, JobID: id, Reason }))) as {
      state: { State: string }
    }
    assert.equal(state.State, 'Cancelled')
    assert.deepEqual(orchestrator.stopped, [{ id, reason: Reason }])
    const { JobID } = await client.jobs.submit(wasmJob)
    const foreign = await ask(`${url}${REQUESTER}/cancel`, signed({ ClientID: ME, JobID }))
    assert.equal(foreign.status, 401)
    assert.equal((await ask(`${url}${REQUESTER}/cancel`, signed({ ClientID: ME }))).status, 400)
  })

  test('may be asked for by any release, and so may their results', async (context) => {
    const { url, id } = await withJob(context)
    const headers = { 'x-bacalhau-git-version': 'v1.2.3' }
    const init = post({ client_id: ME, job_id: id })
    const states = await ask(`${url}${REQUESTER}/states`, { ...init, headers: { ...init.headers, ...headers } })
    assert.equal(states.status, 200)
    const results = await ask(`${url}/api/v1/orchestrator/jobs/${id}/results`, { headers })
    assert.equal(results.status, 200)
    assert.equal((await ask(`${url}/api/v1/orchestrator/jobs/${id}`, { headers })).status, 200)
    assert.equal((await ask(`${url}/api/v1/orchestrator/jobs/${id}/versions`, { headers })).status, 403)
  })
})

describe('other paths of the libp2p era', () => {
  test('tell the version, and that the node lives', async (context) => {
    const { url } = await temporaryApi(context)
    const { body } = await ask(`${url}/api/v1/version`, post({ client_id: ME }))
    assert.equal((body as { build_version_info: { GitVersion: string } }).build_version_info.GitVersion, 'v0.1.0')
    assert.equal((await ask(`${url}/api/v1/livez`)).body, 'OK')
  })

  for (const [method, path] of [
    ['POST', '/api/v1/requester/debug'],
    ['POST', '/requester/verify'],
    ['GET', '/api/v1/requester/websocket/events'],
    ['GET', '/api/v1/requester/nodes'],
    ['POST', '/api/v1/compute/approve'],
    ['GET', '/api/v1/compute/debug'],
  ] as const) {
    test(`${method} ${path}: 410`, async (context) => {
      const { url } = await temporaryApi(context)
      const { status, body } = await ask(`${url}${path}`, { method })
      assert.equal(status, 410)
      assert.match((body as { Hint: string }).Hint, /api\/v1\/orchestrator\/jobs/)
    })
  }
})
