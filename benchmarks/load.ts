import type { Job, Page, PutJobResponse } from '@bacalhau/models'
import { RETURNS } from '../packages/bacalhau/test/wasm-modules.ts'
import type { Connections } from './http.ts'

export const JOBS = '/api/v1/orchestrator/jobs'

/** What the jobs of the benchmarks ask for: little enough that dozens fit on a machine at once. */
const RESOURCES = { CPU: '10m', Memory: '2Mb' }
/** Seconds that a job may wait for a node: longer than any benchmark. */
const PATIENCE = { QueueTimeout: 86_400 }

export interface NoopOptions {
  readonly count?: number
  /** Milliseconds that each task takes. */
  readonly delay?: number
  readonly resources?: Readonly<Record<string, string>>
}

export function noopJob({ count = 1, delay = 0, resources = RESOURCES }: NoopOptions = {}): object {
  const Engine = { Type: 'noop', Params: delay === 0 ? {} : { DelayMs: delay } }
  return { Type: 'batch', Count: count, Tasks: [{ Name: 'main', Engine, Resources: resources, Timeouts: PATIENCE }] }
}

export function wasmJob(module: Uint8Array): object {
  const URL = `data:application/wasm;base64,${Buffer.from(module).toString('base64')}`
  const task = {
    Name: 'main',
    Engine: { Type: 'wasm', Params: { EntryModule: '/app/main.wasm', Entrypoint: '_start' } },
    InputSources: [{ Target: '/app/main.wasm', Source: { Type: 'inline', Params: { URL } } }],
    Resources: RESOURCES,
    Timeouts: PATIENCE,
  }
  return { Type: 'batch', Tasks: [task] }
}

/** A module, by default one that does nothing, padded with a custom section of noise to `bytes` bytes. */
export function paddedModule(bytes: number, module: Buffer = RETURNS): Buffer {
  const name = Buffer.from('noise')
  const [idBytes, lengthBytes, nameLengthBytes] = [1, 3, 1]
  const noise = bytes - module.length - idBytes - lengthBytes - nameLengthBytes - name.length
  const content = nameLengthBytes + name.length + noise
  const length = [(content & 0x7f) | 0x80, ((content >> 7) & 0x7f) | 0x80, content >> 14]
  let state = 1
  const next = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 24
  return Buffer.concat([
    module,
    Buffer.from([0, ...length, name.length]),
    name,
    Buffer.from(Array.from({ length: noise }, next)),
  ])
}

export const request = (job: object): Buffer => Buffer.from(JSON.stringify({ Job: job }))

export interface Submitted {
  readonly ids: readonly string[]
  /** Milliseconds from each request to its answer. */
  readonly times: readonly number[]
}

/** Submits the same job `count` times, `concurrency` requests at a time. */
export async function submitMany(
  api: Connections,
  body: Buffer,
  count: number,
  concurrency: number,
): Promise<Submitted> {
  const ids: string[] = []
  const times: number[] = []
  let next = 0
  const work = async () => {
    while (next++ < count) {
      const begin = performance.now()
      const { JobID } = await api.json<PutJobResponse>('PUT', JOBS, body)
      times.push(performance.now() - begin)
      ids.push(JobID)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return { ids, times }
}

export const isOver = ({ State }: Job): boolean => ['Completed', 'Failed', 'Stopped'].includes(State.StateType)

/** The job once it has ended. Waits without asking again and again. */
export async function ended(api: Connections, id: string): Promise<Job> {
  for (;;) {
    const { Job } = await api.json<{ Job: Job }>('GET', `${JOBS}/${id}?wait=30&revision=${Number.MAX_SAFE_INTEGER}`)
    if (isOver(Job)) return Job
  }
}

/** The newest `count` jobs as a listing shows them. */
export async function newest(api: Connections, count: number): Promise<Job[]> {
  const jobs: Job[] = []
  let token = ''
  do {
    const page = await api.json<Page<Job>>(
      'GET',
      `${JOBS}?reverse=true&limit=200&next_token=${encodeURIComponent(token)}`,
    )
    jobs.push(...page.Items)
    token = page.NextToken
  } while (jobs.length < count && token !== '')
  return jobs.slice(0, count)
}

/** Milliseconds since the epoch at which the last of these jobs was completed. Throws when one of them was not. */
export function completion(jobs: readonly Job[]): number {
  for (const { ID, State } of jobs) {
    if (State.StateType !== 'Completed') throw new Error(`${ID} is ${State.StateType}: ${State.Message}`)
  }
  return jobs.reduce((latest, { ModifyTime }) => Math.max(latest, ModifyTime), 0) / 1e6
}

export const wallClock = (): number => performance.timeOrigin + performance.now()
