import { test } from 'node:test'
import { type Execution, EXECUTION_STATES, type Job } from '@bacalhau/models'
import type { RunningOrchestrator } from '../../../src/orchestrator/orchestrator.ts'
import { RecordWatch } from '../watch/record-watch.ts'
import type { ComputeHost } from '../world/compute-host.ts'
import type { Script } from '../world/runner.ts'
import { type JobFields, ORCHESTRATOR, World, type WorldOptions } from '../world/world.ts'

/** Room for exactly one job that asks for nothing. */
export const SMALL = { CPU: 0.5, Memory: 512_000_000 }

export const stateOf = ({ State }: Job) => State.StateType
export const codeOf = ({ State }: Job) => State.Details?.['ErrorCode']
export const stateOfRun = ({ ComputeState }: Execution) => ComputeState.StateType

/** A test in a world of its own. Whatever becomes durable in it is held against the rules of jobs and executions, to its end. */
export function scenario(name: string, play: (world: World) => Promise<void>, options: WorldOptions = {}): void {
  test(name, async () => {
    const world = await World.create(options)
    const watch = new RecordWatch((violation) => world.fail(violation))
    world.host.machine.disk.onUnit = (writes) => watch.onUnit(writes)
    await play(world)
    world.check()
  })
}

/** For scenes in which the disk of the orchestrator is lost or set back: what was durable before does not bind any more. */
export function stopWatching(world: World): void {
  world.host.machine.disk.onUnit = undefined
}

/** The job as it is now. */
export const look = (world: World, { ID }: Pick<Job, 'ID'>): Promise<Job> => world.orchestrator.getJob(ID)

/** A node and a job that runs there until it is released, with everything about it reported. */
export async function running(world: World, script: Script = { Hold: true }, fields: JobFields = {}) {
  const node = await world.addNode({ id: 'QmNode1' })
  const job = await world.submit(script, fields)
  await world.begun(node, job.Count)
  await world.clock.advance(100)
  return { node, job }
}

/** Both sides are done with whatever there was at a node. */
export async function atRest(world: World, node: ComputeHost): Promise<void> {
  await world.until(() => node.compute.held(ORCHESTRATOR).length === 0 && node.compute.running() === 0)
  await world.until(() => isShownIdle(world.orchestrator, node.id))
}

function isShownIdle(orchestrator: RunningOrchestrator, id: string): boolean {
  const shown = orchestrator.nodes().find(({ Info }) => Info.NodeID === id)?.Info.ComputeNodeInfo
  return shown !== undefined && shown.RunningExecutions + shown.EnqueuedExecutions === 0
}

/** How many executions of the newest version were completed. */
export async function completions({ orchestrator }: World, { ID }: Pick<Job, 'ID'>): Promise<number> {
  const executions = await orchestrator.executions(ID)
  return executions.filter((execution) => stateOfRun(execution) === EXECUTION_STATES.Completed).length
}

export const occurrences = (events: readonly string[], event: string): number =>
  events.filter((each) => each === event).length
