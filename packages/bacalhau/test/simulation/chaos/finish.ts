import { fits, isFinalExecutionState, isFinalJobState, type Job } from '@bacalhau/models'
import { LIMITS } from '../../../src/runtime/limits.ts'
import type { ComputeHost } from '../world/compute-host.ts'
import { ORCHESTRATOR } from '../world/orchestrator-host.ts'
import { taskOf } from '../world/job-task.ts'
import { Violation } from '../world/violation.ts'
import type { SeenJob } from '../watch/record-watch.ts'
import { checkHonest, healGo, untilGoIsSettled, untilMarketIsEmpty } from './finish-go.ts'
import type { Stage } from './stage.ts'

/** Everything works again. From now on everything has to come to its end. */
export async function heal(stage: Stage): Promise<void> {
  const { world, mad } = stage
  world.note('* everything works again')
  stage.isHealed = true
  mad?.silence()
  for (const machine of [world.host.machine, ...[...world.nodes.values()].map((node) => node.machine)]) {
    Object.assign(machine.disk.weather, { full: false, slowness: [0, 1], deafness: 0 })
    machine.disarm()
    machine.drift(1)
    machine.wake()
  }
  for (const node of world.nodes.values()) {
    Object.assign(node.weather, { latency: [0, 2], duplicates: 0, unreachable: false })
    node.block({})
  }
  healGo(stage)
  await until(
    stage,
    'every process starts',
    60_000,
    () => world.host.running !== undefined && hosts(stage).every((node) => node.running !== undefined),
  )
  // A write that was refused is tried again within a second; until then nobody sees what was decided.
  await world.clock.advance(2_500)
  await until(stage, 'every question is answered', 60_000, () => stage.clients.unanswered.length === 0)
  await until(stage, 'every node becomes a member', 60_000, () => areMembers(stage))
}

/** Are all nodes approved and connected? One that an operator has rejected is approved. */
function areMembers(stage: Stage): boolean {
  const { world, clients } = stage
  const known = new Map(world.host.running?.nodes().map((node) => [node.Info.NodeID, node]))
  let all = true
  for (const id of [...world.nodes.keys(), ...goNodes(stage).map(({ plan }) => plan.id)]) {
    const node = known.get(id)
    if (node?.Connection === 'CONNECTED' && node.Membership === 'APPROVED') continue
    all = false
    if (node !== undefined && node.Membership !== 'APPROVED') clients.approve(id, 'approve')
  }
  return all
}

/** Checks what has to hold in the end. */
export async function finish(stage: Stage): Promise<void> {
  await until(stage, 'every job gets what it needs', 1_800_000, () =>
    everyone(stage).every((job) => isServed(stage, job)),
  )
  await stage.clients.check()
  for (const { job } of everyone(stage)) {
    if (isFinalJobState(job.State.StateType)) continue
    const number = /^job-(\d+)$/.exec(job.Name)?.[1]
    if (number !== undefined) stage.clients.stop(Number(number))
  }
  await until(stage, 'everything ends', 600_000, () => isQuiet(stage))
  await until(
    stage,
    'every Go requester is told',
    120_000,
    () => !stage.world.market.isBusy && stage.world.market.problems().length === 0,
  )
  await until(stage, 'who waits is told', 10_000, () => stage.clients.waiting.length === 0)
  await checkDisks(stage)
  await checkShown(stage)
  checkTimers(stage)
  const { keptJobs } = stage.plan.orchestrator
  if (keptJobs !== undefined) await checkRemoved(stage, keptJobs)
}

/** Old jobs are removed in the end, with all that is known of them. */
async function checkRemoved(stage: Stage, kept: number): Promise<void> {
  await until(stage, 'old jobs are removed', 2 * LIMITS.housekeeping, () => stage.watch.jobs.size <= kept)
  const { disk } = stage.world.host.machine
  for (const [id, key] of stage.watch.deleted) {
    const left = await Promise.all([
      disk.rows('execution', `${key}/`),
      disk.rows('history', `${key}/`),
      disk.rows('job-version', `${id}/`),
      disk.rows('job-open', key),
    ])
    if (left.some((rows) => rows.length > 0)) throw new Violation('nothing is left behind', `of the removed job ${id}`)
  }
  if ((await disk.rows('job-by-time')).length > kept)
    throw new Violation('nothing is left behind', 'in the index by time')
  if ((await disk.rows('job-by-name')).length > kept)
    throw new Violation('nothing is left behind', 'in the index by name')
}

const hosts = (stage: Stage): ComputeHost[] => [...stage.world.nodes.values()]
/** Where jobs run: on nodes of ours and of the Go program. */
interface Place extends Pick<ComputeHost, 'id' | 'capacity' | 'labels'> {
  readonly running: { free(): ComputeHost['capacity'] } | undefined
}
const places = (stage: Stage): Place[] => [
  ...hosts(stage),
  ...goNodes(stage).map(({ plan, worker }) => ({
    id: plan.id,
    capacity: worker.capacity,
    labels: { zone: plan.zone },
    running: worker,
  })),
]
/** Go nodes that will be there in the end. */
const goNodes = ({ world: { fleet } }: Stage) =>
  [...fleet.nodes.values()].filter(({ plan }) => !fleet.lost.has(plan.id))
const everyone = (stage: Stage): SeenJob[] => [...stage.watch.jobs.values()]

/** Lets time go on until `holds`, at most so many milliseconds. */
async function until(stage: Stage, invariant: string, most: number, holds: () => boolean): Promise<void> {
  const { world } = stage
  const end = world.now + most
  for (let step = 100; !holds(); step = Math.min(step * 1.2, 2_000)) {
    world.check()
    if (world.now > end)
      throw new Violation(
        invariant,
        [...stage.clients.unanswered, ...stage.clients.waiting, describeOpen(stage)].join('\n    '),
      )
    await world.clock.advance(step)
  }
  world.check()
}

/** A job that has ended, or runs as it should, or for which there is no room. */
function isServed(stage: Stage, seen: SeenJob): boolean {
  const { job } = seen
  if (isFinalJobState(job.State.StateType)) return true
  const fitting = places(stage).filter((node) => canRun(node, job))
  const running = [...seen.runs.values()].filter(({ state, version }) => version === job.Version && state === 6)
  if (job.Type === 'daemon')
    return (
      new Set(running.map(({ node }) => node)).size === fitting.length ||
      hasNoRoom(
        job,
        fitting,
        running.map(({ node }) => node),
      )
    )
  if (job.Type === 'service') return running.length === job.Count || hasNoRoom(job, fitting)
  // Nothing may hold up what ends by itself, unless no node can ever run it.
  return fitting.length === 0
}

/** What one execution of a job needs. */
const needs = (job: Job) => ({ CPU: Number(taskOf(job).Resources.CPU ?? 0), Memory: 1e8, Disk: 0, GPU: 0 })

function canRun({ capacity, labels }: Place, job: Job): boolean {
  const suits = job.Constraints.every(({ Key, Values }) => Values?.[0] === labels[Key])
  return suits && fits(needs(job), capacity)
}

function hasNoRoom(job: Job, fitting: readonly Place[], served: readonly string[] = []): boolean {
  return fitting.every(
    ({ id, running }) => served.includes(id) || running === undefined || !fits(needs(job), running.free()),
  )
}

/** All jobs have ended, and everybody knows. */
function isQuiet(stage: Stage): boolean {
  const { world } = stage
  return (
    !world.market.isBusy &&
    everyone(stage).every(({ job }) => isFinalJobState(job.State.StateType)) &&
    [...stage.watch.promised.values()].every((runs) => runs.size === 0) &&
    hosts(stage).every(
      ({ running }) =>
        running !== undefined &&
        [ORCHESTRATOR, ...world.market.requesters.keys()].every((peer) => running.held(peer).length === 0),
    ) &&
    hosts(stage).every(
      ({ id, capacity, running }) => world.ledger.running(id) === 0 && fits(capacity, running?.free() ?? capacity),
    ) &&
    goNodes(stage).every(({ worker, plan }) => worker.running === 0 && world.fleet.held(plan.id) === 0)
  )
}

/** Nothing is left on any disk that nobody will ever need. */
async function checkDisks(stage: Stage): Promise<void> {
  await stage.world.clock.advance(5_000)
  await untilGoIsSettled(stage)
  await untilMarketIsEmpty(stage)
  const { disk } = stage.world.host.machine
  const left: string[] = []
  if ((await disk.rows('job-open')).length > 0) left.push('open jobs of the orchestrator')
  if ((await disk.rows('go-node')).length > stage.plan.goNodes.length) left.push('Go nodes')
  for (const { id, machine } of hosts(stage)) {
    for (const table of ['held', 'order'] as const) {
      if ((await machine.disk.rows(table)).length > 0) left.push(`${table} of ${id}`)
    }
    const heard = await received(disk, `o/${id}`)
    const unheard = (await machine.disk.rows('link-out', `c/${ORCHESTRATOR}/`)).filter(
      ({ key }) => Number(key.slice(key.lastIndexOf('/') + 1)) > heard,
    )
    if (unheard.length > 0) left.push(`the outbox of ${id}`)
    const reached = await received(machine.disk, `c/${ORCHESTRATOR}`)
    const unreached = (await disk.rows('link-out', `o/${id}/`)).filter(
      ({ key }) => Number(key.slice(key.lastIndexOf('/') + 1)) > reached,
    )
    if (unreached.length > 0) left.push(`the outbox to ${id}`)
  }
  if (left.length > 0) throw new Violation('nothing is left behind', left.join(', '))
}

type RowsOf = Stage['world']['host']['machine']['disk']
async function received(disk: RowsOf, key: string): Promise<number> {
  const [row] = await disk.rows('link-in', key)
  const value = row?.value as { readonly received: { readonly seq: number } } | undefined
  return value?.received.seq ?? 0
}

/** Nothing waits for what will never happen: the pulse of each link, a little housekeeping, pauses that are about to end. */
function checkTimers(stage: Stage): void {
  const { fleet, host, market } = stage.world
  const orchestrator = host.machine
  const counts = [
    { machine: orchestrator, most: stage.world.nodes.size + 8 + (fleet.nodes.size > 0 ? 3 + 2 * fleet.nodes.size : 0) },
    ...hosts(stage).map(({ machine }) => ({ machine, most: 4 + 3 * market.requesters.size })),
  ]
  for (const { machine, most } of counts) {
    if (machine.timers > most) throw new Violation('memory is bounded', `${machine.name} has ${machine.timers} timers`)
  }
}

/** What the orchestrator shows is what there is. */
async function checkShown(stage: Stage): Promise<void> {
  const { orchestrator } = stage.world
  for (const { Info } of orchestrator.nodes()) {
    const { RunningExecutions, EnqueuedExecutions, AvailableCapacity, MaxCapacity } = Info.ComputeNodeInfo
    if (RunningExecutions + EnqueuedExecutions > 0 || !fits(MaxCapacity, AvailableCapacity)) {
      throw new Violation('everything is given back', `${Info.NodeID}: ${JSON.stringify(Info.ComputeNodeInfo)}`)
    }
  }
  for (const { job, sequence, runs } of everyone(stage)) {
    const shown = await orchestrator.getJob(job.ID)
    const { StateType } = shown.State
    if (StateType !== job.State.StateType)
      throw new Violation('what is shown is what is stored', `${job.ID} ${StateType}`)
    const open = [...runs.values()].filter(({ state }) => !isFinalExecutionState(state))
    if (open.length > 0) throw new Violation('a job that has ended has no executions', job.ID)
    const events = await orchestrator.history(job.ID, Math.max(0, sequence - 1), 10)
    if (events.at(-1)?.SeqNum !== sequence)
      throw new Violation('what is shown is what is stored', `history of ${job.ID}`)
    checkResult(job, [...runs.values()])
    if (stage.world.fleet.nodes.size > 0) await checkHonest(stage, job.ID)
  }
}

function checkResult(job: Job, runs: SeenJob['runs'] extends Map<string, infer R> ? R[] : never): void {
  if (job.Type !== 'batch' || job.State.StateType !== 'Completed') return
  const completed = runs.filter(({ state, version }) => state === 9 && version === job.Version)
  if (completed.length !== job.Count) {
    throw new Violation('a completed job has all its results', `${job.ID}: ${completed.length} of ${job.Count}`)
  }
}

function describeOpen(stage: Stage): string {
  const jobs = everyone(stage)
    .filter((seen) => !isFinalJobState(seen.job.State.StateType))
    .map(({ job, runs }) => {
      const open = [...runs.values()].filter(({ state }) => !isFinalExecutionState(state))
      const shown = open.slice(0, 5).map(({ id, node, state }) => `${id.slice(0, 8)} at ${node} ${state}`)
      return `${job.Name} ${job.ID.slice(0, 8)} ${job.Type} x${job.Count} ${job.State.StateType} (${job.State.Message ?? ''}) ${shown.join(', ')}`
    })
  const nodes = hosts(stage).map(({ id, running }) => {
    const held = running?.held(ORCHESTRATOR) ?? []
    return `${id} ${running === undefined ? 'is down' : `holds ${held.map(({ executionId }) => executionId.slice(0, 8)).join(' ') || 'nothing'}`}`
  })
  const goNodes = [...stage.world.fleet.nodes].map(
    ([id, { worker }]) => `${id} has ${worker.describe()}; ${stage.world.fleet.held(id)} are out`,
  )
  return [...jobs, ...(nodes.length > 10 ? [] : nodes), ...goNodes, ...stage.world.market.problems()].join('\n    ')
}
