import { addResources, fits, NO_RESOURCES, type Resources, subtractResources } from '@bacalhau/models'
import type { ExecutionOrder } from '../../../src/compute/runner.ts'
import { Violation } from './violation.ts'

/** One begun run. */
export interface RunRecord {
  readonly node: string
  readonly executionId: string
  readonly jobId: string
  readonly partition: number
}

interface NodeRuns {
  readonly capacity: Resources
  readonly running: Map<string, Resources>
  used: Resources
}

/** What really runs on the machines of a world, counted by those who run it. */
export class RunLedger {
  readonly #nodes = new Map<string, NodeRuns>()
  /** Runs begun in all, by partition of a job. */
  readonly #attempts = new Map<string, number>()
  readonly #begun: RunRecord[] = []
  readonly #onViolation: (violation: Violation) => void

  constructor(onViolation: (violation: Violation) => void) {
    this.#onViolation = onViolation
  }

  /** Every run that was begun, oldest first. */
  get begun(): readonly RunRecord[] {
    return this.#begun
  }

  /** Runs under way on a node. */
  running(node: string): number {
    return this.#nodes.get(node)?.running.size ?? 0
  }

  setCapacity(node: string, capacity: Resources): void {
    this.#nodes.set(node, { capacity, running: new Map(), used: NO_RESOURCES })
  }

  /** A run begins; returns how many of the same partition were begun before. */
  begin(node: string, { executionId, job, partitionIndex, resources }: ExecutionOrder): number {
    const runs = this.#runs(node)
    if (runs.running.has(executionId)) this.#fail('an execution runs once at a time', `${executionId} on ${node}`)
    runs.running.set(executionId, resources)
    runs.used = addResources(runs.used, resources)
    if (!fits(runs.used, runs.capacity)) {
      this.#fail('no more runs than the capacity allows', `${node} uses ${JSON.stringify(runs.used)}`)
    }
    this.#begun.push({ node, executionId, jobId: job.ID, partition: partitionIndex })
    const key = `${job.ID}/${partitionIndex}`
    const earlier = this.#attempts.get(key) ?? 0
    this.#attempts.set(key, earlier + 1)
    return earlier
  }

  end(node: string, executionId: string): void {
    const runs = this.#runs(node)
    const resources = runs.running.get(executionId)
    if (resources === undefined) return
    runs.running.delete(executionId)
    runs.used = subtractResources(runs.used, resources)
  }

  /** The machine has died, and everything on it. */
  clear(node: string): void {
    const runs = this.#runs(node)
    runs.running.clear()
    runs.used = NO_RESOURCES
  }

  #runs(node: string): NodeRuns {
    const runs = this.#nodes.get(node)
    if (runs === undefined) throw new Error(`${node} has no capacity`)
    return runs
  }

  #fail(invariant: string, details: string): void {
    this.#onViolation(new Violation(invariant, details))
  }
}
