import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { InputSourceSpec, JobSpec, ReportMessage, SpecConfig } from '@bacalhau/models'
import { sampleJob, sampleNode } from '../link/fixtures/samples.ts'
import { createManagedBucket } from '../publishers/s3-managed/bucket.ts'
import { silentLogger } from '../runtime/logger.ts'
import { LIMITS } from '../runtime/limits.ts'
import { seededRandom } from '../runtime/random.ts'
import { createVirtualClock } from '../runtime/virtual-clock.ts'
import { createOutbound } from '../sources/outbound/outbound.ts'
import { createS3Clients } from '../sources/s3/clients.ts'
import { createMemoryStore } from '../store/memory.ts'
import { specOf } from './admission.ts'
import { START } from './fixtures/jobs.ts'
import { joinNode } from './fixtures/swarm.ts'
import { createOrchestrator } from './orchestrator.ts'
import { createStorageDesk } from './storage-desk.ts'

/** An orchestrator with a node that runs whatever the test says. */
async function bench() {
  const clock = createVirtualClock(START)
  const orchestrator = await createOrchestrator({
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    store: createMemoryStore(),
    storeGeneration: 'g-owner',
    approval: 'auto',
    joinToken: 'secret',
    self: () => sampleNode('QmOwner'),
    async *logs() {},
  })
  const node = await joinNode({ clock, attach: orchestrator.attach.bind(orchestrator) }, 'QmNode', {
    node: { StorageSources: ['job', 'ipfs'], Publishers: ['shelf', 's3managed'] },
  })
  const submit = async (fields: Partial<JobSpec> = {}, readable?: readonly string[]) => {
    const submission = { spec: { ...specOf(sampleJob()), Name: '', ...fields }, warnings: [] }
    const job = await orchestrator.submit(submission, readable === undefined ? {} : { readable })
    await clock.advance(0)
    return job
  }
  /** A job that has completed; each of its executions has left what `result` says of its partition. */
  const completed = async (fields: Partial<JobSpec> = {}, result = inIpfs) => {
    const before = node.offered().length
    const job = await submit(fields)
    const offered = node.offered().slice(before)
    for (const [index, id] of offered.entries()) await node.say(done(id, result(index)))
    assert.equal((await orchestrator.getJob(job.ID, job.Namespace)).State.StateType, 'Completed')
    return { job, offered }
  }
  const inputsOf = async (
    Params: object,
    more: { readable?: readonly string[]; input?: Partial<InputSourceSpec> } = {},
  ) => {
    const job = await submit({ Tasks: [reading(Params, more.input)] }, more.readable)
    return job.Tasks[0]?.InputSources ?? []
  }
  return { orchestrator, node, clock, submit, completed, inputsOf }
}

const inIpfs = (partition: number): SpecConfig => ({ Type: 'ipfs', Params: { CID: `Qm${partition}` } })
const managed = (): SpecConfig => ({ Type: 's3managed', Params: { JobID: 'any', ExecutionID: 'any' } })
const done = (executionId: string, result: SpecConfig): ReportMessage => ({
  type: 'completed',
  executionId,
  output: null,
  result,
})

function reading(Params: object, input: Partial<InputSourceSpec> = {}) {
  const source = { Source: { Type: 'job', Params: { ...Params } }, Alias: '', Target: '/in', ...input }
  const [task] = sampleJob({ InputSources: [source] }).Tasks
  assert.ok(task)
  return task
}

describe('results of another job as an input', () => {
  test('are what it has left when the new job is submitted', async () => {
    const { completed, inputsOf } = await bench()
    const { job } = await completed({ Name: 'first' })
    for (const JobID of [job.ID, job.ID.slice(0, 12), 'first']) {
      assert.deepEqual(await inputsOf({ JobID, Path: 'outputs' }), [
        { Source: { Type: 'ipfs', Params: { CID: 'Qm0', Path: 'outputs' } }, Alias: '', Target: '/in' },
      ])
    }
  })

  test('of another publisher go to the node with where they are', async () => {
    const { completed, inputsOf } = await bench()
    const archive: SpecConfig = { Type: 'urlDownload', Params: { URL: 'http://a.example/x.tar.gz' } }
    const { job, offered } = await completed({}, () => archive)
    const [input] = await inputsOf({ JobID: job.ID })
    assert.deepEqual(input?.Source, {
      Type: 'job',
      Params: { JobID: job.ID, ExecutionID: offered[0], Result: archive },
    })
    // What is shown of a job can be submitted again; where results are is looked up anew.
    const forged = {
      ...input?.Source.Params,
      Result: { Type: 'urlDownload', Params: { URL: 'http://169.254.169.254/' } },
    }
    assert.deepEqual((await inputsOf(forged))[0]?.Source, input?.Source)
  })

  test('of several partitions are an input each, in their order', async () => {
    const { completed, inputsOf } = await bench()
    const { job } = await completed({ Count: 3 })
    const all = await inputsOf({ JobID: job.ID }, { input: { Alias: 'a' } })
    assert.deepEqual(
      all.map(({ Source, Alias, Target }) => [Source.Params?.['CID'], Alias, Target]),
      [
        ['Qm0', 'a-0', '/in/0'],
        ['Qm1', 'a-1', '/in/1'],
        ['Qm2', 'a-2', '/in/2'],
      ],
    )
    const [one] = await inputsOf({ JobID: job.ID, Partition: 1 })
    assert.deepEqual([one?.Source.Params?.['CID'], one?.Target], ['Qm1', '/in'])
    await assert.rejects(inputsOf({ JobID: job.ID, Partition: 7 }), { code: 'NotFound', message: /of partition 7/ })
  })

  test('are refused with a reason while there are none', async () => {
    const { submit, completed, inputsOf, node } = await bench()
    const open = await submit()
    await assert.rejects(inputsOf({ JobID: open.ID }), {
      code: 'Conflict',
      message: /is (?:Running|Pending|Queued), and its results/,
      hint: /when that one has completed/,
    })
    await node.say({
      type: 'failed',
      executionId: node.offered()[0] ?? '',
      code: 'ExecutionFailed',
      message: 'no',
      result: inIpfs(4),
    })
    await assert.rejects(inputsOf({ JobID: open.ID }), { code: 'Conflict', hint: /ExecutionID/ })
    const [partial] = await inputsOf({ JobID: open.ID, ExecutionID: node.offered()[0] })
    assert.equal(partial?.Source.Params?.['CID'], 'Qm4')
    const { job } = await completed({}, () => ({ Type: '' }))
    await assert.rejects(inputsOf({ JobID: job.ID }), { code: 'NotFound', message: /has left no results/ })
    await assert.rejects(inputsOf({ JobID: 'j-nobody' }), { code: 'NotFound' })
    await assert.rejects(inputsOf({ Job: job.ID }), { code: 'ValidationError' })
    await assert.rejects(inputsOf({ JobID: job.ID, Path: 'a/../../b' }), { code: 'ValidationError', message: /Path/ })
  })

  test('are those of namespaces that the caller may read', async () => {
    const { completed, inputsOf } = await bench()
    const { job } = await completed({ Namespace: 'theirs', Name: 'secret' })
    const mine = { readable: ['default'] }
    const refusal = (JobID: string) => inputsOf({ JobID }, mine).then(String, (error: Error) => error.message)
    const unknown = await refusal('j-nobody')
    for (const JobID of [job.ID, 'secret']) assert.equal(await refusal(JobID), unknown.replace('j-nobody', JobID))
    assert.equal((await inputsOf({ JobID: job.ID }, { readable: ['default', 'theirs'] })).length, 1)
  })
})

describe('the storage of the orchestrator', () => {
  const env = { AWS_ACCESS_KEY_ID: 'A', AWS_SECRET_ACCESS_KEY: 'B' }
  Object.assign(process.env, env)
  const clients = createS3Clients({
    outbound: createOutbound(['127.0.0.1']),
    env,
    home: '/nowhere',
    retries: 0,
    silence: 1,
  })
  const Endpoint = 'http://127.0.0.1:1'
  const bucket = createManagedBucket({
    clients,
    bucket: 'b',
    prefix: '',
    lasting: 60_000,
    Endpoint,
    Region: 'us-east-1',
  })
  const publishing = { ...sampleJob().Tasks[0], Publisher: { Type: 's3managed' } } as JobSpec['Tasks'][number]

  test('takes results of an execution from the node that holds it, until that ends', async () => {
    const { orchestrator, submit, node } = await bench()
    const desk = createStorageDesk(orchestrator, bucket)
    const { ID: jobId } = await submit({ Tasks: [publishing] })
    const [executionId = ''] = node.offered()
    const request = { want: 'put', jobId, executionId, bytes: 5 } as const
    const { url } = await desk('QmNode', request)
    assert.equal(new URL(url).pathname, `/b/${jobId}/${executionId}.tar.gz`)
    await assert.rejects(desk('QmOther', request), { code: 'Forbidden' })
    await assert.rejects(desk('QmNode', { ...request, executionId: 'e-other' }), { code: 'Forbidden' })
    await assert.rejects(desk('QmNode', { ...request, jobId: 'j-other' }), { code: 'Forbidden' })
    await assert.rejects(desk('QmNode', { ...request, bytes: LIMITS.managedResult + 1 }), { code: 'Forbidden' })
    await assert.rejects(createStorageDesk(orchestrator, undefined)('QmNode', request), { code: 'ValidationError' })
    await node.say(done(executionId, managed()))
    await assert.rejects(desk('QmNode', request), { code: 'Forbidden', message: /no longer/ })
  })

  test('takes none of a job that publishes elsewhere', async () => {
    const { orchestrator, submit, node } = await bench()
    const { ID: jobId } = await submit()
    const request = { want: 'put', jobId, executionId: node.offered()[0] ?? '', bytes: 5 } as const
    await assert.rejects(createStorageDesk(orchestrator, bucket)('QmNode', request), { code: 'Forbidden' })
  })

  test('gives results to an execution whose job has them as an input, and to no other', async () => {
    const { orchestrator, completed, submit, node } = await bench()
    const desk = createStorageDesk(orchestrator, bucket)
    const { job, offered } = await completed({ Tasks: [publishing] }, managed)
    const of = { jobId: job.ID, executionId: offered[0] ?? '' }
    const reader = await submit({ Tasks: [reading({ JobID: job.ID })] })
    const request = { want: 'get', jobId: reader.ID, executionId: node.offered().at(-1) ?? '', of } as const
    const { url } = await desk('QmNode', request)
    assert.equal(new URL(url).pathname, `/b/${job.ID}/${offered[0]}.tar.gz`)
    await assert.rejects(desk('QmNode', { ...request, of: { ...of, executionId: 'e-9' } }), { code: 'Forbidden' })
    const stranger = await submit()
    const theirs = { ...request, jobId: stranger.ID, executionId: node.offered().at(-1) ?? '' }
    await assert.rejects(desk('QmNode', theirs), { code: 'Forbidden' })
  })
})
