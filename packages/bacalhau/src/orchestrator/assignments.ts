import { addResources, EXECUTION_STATES, type ExecutionState, NO_RESOURCES, type Resources } from '@bacalhau/models'
import type { OpenJob } from './open-job.ts'
import type { Run } from './run.ts'

/** A run that has not ended, and its job. */
export interface Assignment {
  readonly job: OpenJob
  readonly run: Run
}

/** What this orchestrator has given to one node. */
export interface Load {
  /** May be more than the node has: runs wait there. */
  readonly used: Resources
  readonly runs: number
}

const NOTHING: Load = { used: NO_RESOURCES, runs: 0 }

interface NodeLoad {
  readonly runs: Map<string, Assignment>
  used: Resources
}

/** Which run of which open job is on which node. Every look-up takes constant time. */
export class Assignments {
  /** Runs that were given to nodes, and in which state each was taken off its node, since the start. */
  readonly tally = { placed: 0, ended: new Map<ExecutionState, number>() }
  readonly #runs = new Map<string, Assignment>()
  readonly #nodes = new Map<string, NodeLoad>()

  add(job: OpenJob, run: Run): void {
    const assignment = { job, run }
    if (run.state === EXECUTION_STATES.New) this.tally.placed += 1
    const node = this.#nodes.get(run.node) ?? { runs: new Map<string, Assignment>(), used: NO_RESOURCES }
    this.#nodes.set(run.node, node)
    this.#runs.set(run.id, assignment)
    node.runs.set(run.id, assignment)
    node.used = addResources(node.used, run.resources)
  }

  remove(run: Run): void {
    const node = this.#nodes.get(run.node)
    if (node === undefined || !node.runs.delete(run.id)) return
    this.#runs.delete(run.id)
    this.tally.ended.set(run.state, (this.tally.ended.get(run.state) ?? 0) + 1)
    const { CPU, Memory, Disk, GPU } = run.resources
    // Nothing is left of rounding when the last one has gone.
    if (node.runs.size === 0) this.#nodes.delete(run.node)
    else node.used = addResources(node.used, { CPU: -CPU, Memory: -Memory, Disk: -Disk, GPU: -GPU })
  }

  /** A run that is on this very node; undefined when it is not there (any more). */
  find(node: string, id: string): Assignment | undefined {
    const found = this.#runs.get(id)
    return found?.run.node === node ? found : undefined
  }

  on(node: string): Assignment[] {
    return [...(this.#nodes.get(node)?.runs.values() ?? [])]
  }

  load(node: string): Load {
    const known = this.#nodes.get(node)
    return known === undefined ? NOTHING : { used: known.used, runs: known.runs.size }
  }

  /** Runs at this node that it has begun, and those that wait there or were not answered yet. */
  counts(node: string): { running: number; waiting: number } {
    let running = 0
    for (const { run } of this.#nodes.get(node)?.runs.values() ?? []) {
      if (run.state > EXECUTION_STATES.BidAccepted) running += 1
    }
    return { running, waiting: this.load(node).runs - running }
  }

  /** How many runs are in which state. Looks at each of them. */
  states(): Map<ExecutionState, number> {
    const found = new Map<ExecutionState, number>()
    for (const { run } of this.#runs.values()) found.set(run.state, (found.get(run.state) ?? 0) + 1)
    return found
  }

  /** Nodes that have something. */
  nodes(): string[] {
    return [...this.#nodes.keys()]
  }
}
