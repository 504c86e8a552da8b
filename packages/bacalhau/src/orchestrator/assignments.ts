import {
  addResources,
  EXECUTION_STATES,
  type Execution,
  NO_RESOURCES,
  type Resources,
  subtractResources,
} from '@bacalhau/models'
import type { OpenJob } from './open-job.ts'

/** What this orchestrator has given to one node. */
export interface Load {
  readonly used: Resources
  /** Executions that have not ended. */
  readonly executions: number
  /** Bytes of offers that the node has not answered yet. */
  readonly unanswered: number
}

interface Entry {
  readonly job: OpenJob
  answered: boolean
}

interface Node {
  readonly entries: Map<string, Entry>
  used: Resources
  unanswered: number
}

const NOTHING: Load = { used: NO_RESOURCES, executions: 0, unanswered: 0 }

/** Which execution of which open job is on which node. Kept up to date by the ledgers; every look-up takes constant time. */
export class Assignments {
  readonly #nodes = new Map<string, Node>()

  add(job: OpenJob, { ID, NodeID, ComputeState }: Execution): void {
    const node = this.#nodes.get(NodeID) ?? { entries: new Map<string, Entry>(), used: NO_RESOURCES, unanswered: 0 }
    this.#nodes.set(NodeID, node)
    const answered = ComputeState.StateType !== EXECUTION_STATES.New
    node.entries.set(ID, { job, answered })
    node.used = addResources(node.used, job.resources)
    if (!answered) node.unanswered += job.offerBytes
  }

  /** The node has said that it takes the execution. */
  answered({ ID, NodeID }: Execution): void {
    const node = this.#nodes.get(NodeID)
    const entry = node?.entries.get(ID)
    if (node === undefined || entry === undefined || entry.answered) return
    entry.answered = true
    node.unanswered -= entry.job.offerBytes
  }

  remove(execution: Execution): void {
    const node = this.#nodes.get(execution.NodeID)
    const entry = node?.entries.get(execution.ID)
    if (node === undefined || entry === undefined) return
    this.answered(execution)
    node.entries.delete(execution.ID)
    node.used = subtractResources(node.used, entry.job.resources)
    if (node.entries.size === 0) this.#nodes.delete(execution.NodeID)
  }

  /** The job that an execution at a node belongs to; undefined when it is not there (any more). */
  jobOf(nodeId: string, executionId: string): OpenJob | undefined {
    return this.#nodes.get(nodeId)?.entries.get(executionId)?.job
  }

  /** What is on a node at this moment, as id and job. */
  on(nodeId: string): (readonly [string, OpenJob])[] {
    return [...(this.#nodes.get(nodeId)?.entries ?? [])].map(([id, { job }]) => [id, job] as const)
  }

  load(nodeId: string): Load {
    const node = this.#nodes.get(nodeId)
    return node === undefined
      ? NOTHING
      : { used: node.used, executions: node.entries.size, unanswered: node.unanswered }
  }

  /** Nodes that have something. */
  nodes(): string[] {
    return [...this.#nodes.keys()]
  }
}
