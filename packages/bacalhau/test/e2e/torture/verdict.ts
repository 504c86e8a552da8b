import {
  type Execution,
  EXECUTION_STATES,
  type Job,
  type JobHistory,
  type Page,
  isFinalExecutionState,
  isFinalJobState,
  type JobState,
} from '@bacalhau/models'
import { ask } from './ask.ts'
import type { Acknowledged } from './load.ts'

type ExecutionState = Parameters<typeof isFinalExecutionState>[0]

const JOBS = '/api/v1/orchestrator/jobs'
/** How many jobs are looked at side by side. */
const WIDTH = 8

/** Waits until every acknowledged job has ended, at most `milliseconds`. Answers with what has not. */
export async function openJobs(apiUrl: string, all: readonly Acknowledged[], milliseconds: number): Promise<string[]> {
  const deadline = Date.now() + milliseconds
  let open = [...all]
  while (open.length > 0 && Date.now() < deadline) {
    const [first] = open
    // One question that waits, then a look at all: the jobs end in about the order in which they came.
    await ask(`${apiUrl}${JOBS}/${first?.id}?wait=1&revision=${Number.MAX_SAFE_INTEGER}`)
    const states = await eachOf(open, async ({ id }) => (await getJob(apiUrl, id))?.State.StateType)
    open = open.filter((_, index) => isOpen(states[index]))
  }
  return eachOf(open, async ({ id, work }) => `${id} (${work.kind}) has not ended: ${await describe(apiUrl, id)}`)
}

const isOpen = (state: JobState | undefined) => state !== undefined && !isFinalJobState(state)

/** Jobs that were created although nobody heard so, and have not ended within `milliseconds`. */
export async function strays(apiUrl: string, milliseconds: number): Promise<string[]> {
  const deadline = Date.now() + milliseconds
  for (;;) {
    const jobs = await pages<Job>(`${apiUrl}${JOBS}?limit=200`)
    const open = jobs.filter(({ State }) => !isFinalJobState(State.StateType))
    if (open.length === 0 || Date.now() > deadline) {
      return eachOf(open, async ({ ID }) => `${ID}, not acknowledged, has not ended: ${await describe(apiUrl, ID)}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Everything that is wrong with the acknowledged jobs, one sentence each. To be asked when all of them have ended. */
export async function violations(apiUrl: string, all: readonly Acknowledged[]): Promise<string[]> {
  const found = await eachOf(all, async (job) => {
    const problems = [...(await jobProblems(apiUrl, job)), ...(await historyProblems(apiUrl, job.id))]
    return problems.map((problem) => `${job.id} (${job.work.kind}) ${problem}`)
  })
  return found.flat()
}

async function jobProblems(apiUrl: string, { id, work, ends }: Acknowledged): Promise<string[]> {
  const job = await getJob(apiUrl, id)
  if (job === undefined) return ['was acknowledged and is gone']
  if (!ends.includes(job.State.StateType)) return [`should be ${ends.join(' or ')}: ${await describe(apiUrl, id)}`]
  const executions = await pages<Execution>(`${apiUrl}${JOBS}/${id}/executions`)
  const problems = executions
    .filter(({ ComputeState }) => !isFinalExecutionState(ComputeState.StateType as ExecutionState))
    .map(({ ID, ComputeState }) => `has ended, but its execution ${ID} is in state ${ComputeState.StateType}`)
  const completed = executions.filter(({ ComputeState }) => ComputeState.StateType === EXECUTION_STATES.Completed)
  if (job.State.StateType !== 'Completed') return problems
  problems.push(...partitionProblems(completed, work.count))
  if (work.prints !== undefined) problems.push(...(await resultProblems(apiUrl, completed, work.prints)))
  return problems
}

function partitionProblems(completed: readonly Execution[], count: number): string[] {
  const times = new Map<number, number>()
  for (const { PartitionIndex } of completed) times.set(PartitionIndex, (times.get(PartitionIndex) ?? 0) + 1)
  const expected = Array.from({ length: count }, (_, index) => index)
  const wrong = expected.filter((index) => times.get(index) !== 1)
  const strange = [...times.keys()].filter((index) => index >= count)
  return [
    ...wrong.map((index) => `completed partition ${index} ${times.get(index) ?? 0} times`),
    ...strange.map((index) => `completed partition ${index} of ${count}`),
  ]
}

async function resultProblems(apiUrl: string, executions: readonly Execution[], text: string): Promise<string[]> {
  const problems = executions.map(async ({ ID, PublishedResult }) => {
    const cid = PublishedResult.Params?.['CID']
    if (typeof cid !== 'string') return [`has no CID for the result of ${ID}`]
    const { status, ok, text: stdout } = await ask(`${apiUrl}/ipfs/${cid}/stdout`)
    return ok && stdout.includes(text) ? [] : [`gives for the result of ${ID}: ${status} ${stdout}`]
  })
  return (await Promise.all(problems)).flat()
}

async function historyProblems(apiUrl: string, id: string): Promise<string[]> {
  const events = await pages<JobHistory>(`${apiUrl}${JOBS}/${id}/history?limit=1000`)
  if (events.length === 0) return ['has no history']
  const gap = events.findIndex(({ SeqNum }, index) => index > 0 && SeqNum !== (events[index - 1]?.SeqNum ?? 0) + 1)
  return gap < 0 ? [] : [`lacks events between ${events[gap - 1]?.SeqNum} and ${events[gap]?.SeqNum}`]
}

async function getJob(apiUrl: string, id: string): Promise<Job | undefined> {
  const { status, ok, text } = await ask(`${apiUrl}${JOBS}/${id}`)
  if (status === 404) return undefined
  if (!ok) throw new Error(`${id}: ${status} ${text}`)
  return (JSON.parse(text) as { Job: Job }).Job
}

/** State, message and executions in a line, for whoever has to find the fault. */
async function describe(apiUrl: string, id: string): Promise<string> {
  const job = await getJob(apiUrl, id)
  const executions = await pages<Execution>(`${apiUrl}${JOBS}/${id}/executions`)
  const states = executions.map(({ ID, PartitionIndex, ComputeState }) => {
    return `${ID.slice(0, 10)} of ${PartitionIndex}: ${ComputeState.StateType} ${ComputeState.Message ?? ''}`
  })
  return `${job?.State.StateType} '${job?.State.Message ?? ''}' [${states.slice(0, 10).join('; ')}]`
}

async function pages<T>(url: string): Promise<T[]> {
  const items: T[] = []
  const next = new URL(url)
  for (;;) {
    const { status, ok, text } = await ask(next)
    if (!ok) throw new Error(`${next.href}: ${status} ${text}`)
    const page = JSON.parse(text) as Page<T>
    items.push(...page.Items)
    // A token with an empty page only says that the job goes on.
    if (page.NextToken === '' || page.Items.length === 0) return items
    next.searchParams.set('next_token', page.NextToken)
  }
}

async function eachOf<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  for (let at = 0; at < items.length; at += WIDTH) {
    results.push(...(await Promise.all(items.slice(at, at + WIDTH).map(map))))
  }
  return results
}
