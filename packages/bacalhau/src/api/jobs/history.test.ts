import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, temporaryApi, wasmJob } from '../testing/api.ts'
import { executionOf } from '../testing/execution.ts'
import { readHistory } from './history.ts'

interface Answer {
  NextToken: string
  Items: { SeqNum: number; Event: { Message: string } }[]
}

async function started(context: Parameters<typeof temporaryApi>[0], events: readonly string[]) {
  const { client, orchestrator, url } = await temporaryApi(context)
  const { JobID } = await client.jobs.submit(wasmJob)
  for (const message of events) orchestrator.event(JobID, message)
  const history = async (query: string) => {
    const { status, body } = await ask(`${url}/api/v1/orchestrator/jobs/${JobID}/history?${query}`)
    return { status, ...(body as Answer), names: (body as Answer).Items?.map(({ Event }) => Event.Message) }
  }
  return { orchestrator, JobID, history }
}

describe('history', () => {
  test('is paged, oldest first, and complete', async (context) => {
    const { history, orchestrator, JobID } = await started(context, ['a', 'b', 'c'])
    orchestrator.become(JobID, 'Completed')
    const first = await history('limit=2')
    assert.deepEqual(first.names, ['Job submitted', 'a'])
    const second = await history(`limit=2&next_token=${first.NextToken}`)
    assert.deepEqual(second.names, ['b', 'c'])
    const third = await history(`next_token=${second.NextToken}`)
    assert.deepEqual(third.names, ['Completed'])
    assert.equal(third.NextToken, '')
  })

  test('asks to come again until the job has ended, and gives its last event by then', async (context) => {
    const { history, orchestrator, JobID } = await started(context, [])
    const running = await history('')
    assert.deepEqual(running.names, ['Job submitted'])
    const again = await history(`next_token=${running.NextToken}`)
    assert.deepEqual(again.names, [])
    assert.equal(again.NextToken, running.NextToken)
    orchestrator.become(JobID, 'Failed')
    const last = await history(`next_token=${again.NextToken}`)
    assert.deepEqual(last.names, ['Failed'])
    assert.equal(last.NextToken, '')
  })

  test('of very many events is looked through without holding up other work', async (context) => {
    const { client, orchestrator } = await temporaryApi(context)
    const { JobID } = await client.jobs.submit(wasmJob)
    for (let index = 0; index < 2_000; index++) orchestrator.event(JobID, 'again')
    let turns = 0
    const count = () => {
      turns += 1
      turn = setImmediate(count)
    }
    let turn = setImmediate(count)
    const query = { limit: 10, from: 0, matches: () => false, executionId: undefined }
    const { Items } = await readHistory(orchestrator, JobID, query, undefined)
    clearImmediate(turn)
    assert.deepEqual(Items, [])
    assert.ok(turns >= 4, `${turns} turns`)
  })

  test('an empty page of a job without events keeps its place', async (context) => {
    const { history } = await started(context, [])
    const { NextToken, names } = await history('event_type=execution')
    assert.deepEqual(names, [])
    assert.notEqual(NextToken, '')
  })

  test('is filtered by level, execution, time and version', async (context) => {
    const { history, orchestrator, JobID } = await started(context, ['job one'])
    orchestrator.event(JobID, 'run one', 'e-1')
    orchestrator.event(JobID, 'run two', 'e-2')
    assert.deepEqual((await history('event_type=job')).names, ['Job submitted', 'job one'])
    assert.deepEqual((await history('event_type=execution')).names, ['run one', 'run two'])
    assert.deepEqual((await history('since=1700000002')).names, ['run one', 'run two'])
    assert.deepEqual((await history('job_version=7')).names, [])
    orchestrator.addExecution(executionOf(JobID, 'e-1', 'Running'))
    assert.deepEqual((await history('execution_id=e-1')).names, ['run one'])
  })

  test('of one execution ends with it', async (context) => {
    const { history, orchestrator, JobID } = await started(context, [])
    orchestrator.addExecution(executionOf(JobID, 'e-11', 'Completed'))
    orchestrator.addExecution(executionOf(JobID, 'e-12', 'Running'))
    assert.equal((await history('execution_id=e-11')).NextToken, '')
    assert.notEqual((await history('execution_id=e-12')).NextToken, '')
    assert.notEqual((await history('execution_id=e-1')).NextToken, '')
    assert.equal((await history('execution_id=e-9')).status, 404)
  })

  test('is that of the newest version, of another one, or of all', async (context) => {
    const { history, orchestrator, JobID } = await started(context, [])
    orchestrator.event(JobID, 'run one', 'e-1')
    await orchestrator.rerun(JobID)
    assert.deepEqual((await history('')).names, ['Job updated'])
    assert.deepEqual((await history('job_version=1')).names, ['Job submitted', 'run one'])
    assert.deepEqual((await history('all_job_versions=true')).names, ['Job submitted', 'run one', 'Job updated'])
    orchestrator.addExecution(executionOf(JobID, 'e-1', 'Completed'))
    assert.deepEqual((await history('execution_id=e-1')).names, ['run one'])
  })

  test('of an execution among thousands is found', async (context) => {
    const { history, orchestrator, JobID } = await started(context, [])
    for (let index = 0; index < 1_500; index++) {
      orchestrator.addExecution(executionOf(JobID, `e-${index}.`, 'Running'))
    }
    orchestrator.event(JobID, 'needle', 'e-1499.')
    assert.deepEqual((await history('execution_id=e-1499.')).names, ['needle'])
  })

  test('goes over many events that do not match', async (context) => {
    const { history, orchestrator, JobID } = await started(
      context,
      Array.from({ length: 1_200 }, (_, index) => `event ${index}`),
    )
    orchestrator.event(JobID, 'needle', 'e-1')
    orchestrator.become(JobID, 'Completed')
    const { names, NextToken } = await history('event_type=execution&limit=5')
    assert.deepEqual(names, ['needle'])
    assert.equal(NextToken, '')
  })

  test('gives at most a thousand events at once', async (context) => {
    const { history } = await started(
      context,
      Array.from({ length: 1_100 }, (_, index) => `event ${index}`),
    )
    assert.equal((await history('limit=4000000000')).Items.length, 1_000)
    assert.equal((await history('')).Items.length, 100)
  })

  test('refuses what it does not understand', async (context) => {
    const { history } = await started(context, [])
    for (const query of ['event_type=x', 'limit=-1', 'since=-5', 'next_token=zzz', 'limit=1&limit=2']) {
      assert.equal((await history(query)).status, 400, query)
    }
  })
})
