import { Line, waitsBefore } from './line.ts'
import type { OpenJob } from './open-job.ts'

/** The jobs that wait for a node, in lines of one priority and shape each. */
export class WaitingLines {
  readonly #lines = new Map<string, Line>()
  #size = 0

  /** Jobs that wait. */
  get size(): number {
    return this.#size
  }

  lines(): Iterable<Line> {
    return this.#lines.values()
  }

  /** Puts a job into its line, or takes it out, as it is now. */
  update(job: OpenJob): void {
    const key = `${job.job.Priority} ${job.shape}`
    const line = this.#lines.get(key)
    if (job.line !== line || !job.waits) this.leave(job)
    if (job.line !== undefined || !job.waits) return
    const joined = this.#lines.get(key) ?? new Line(job.job.Priority, job.shape)
    this.#lines.set(key, joined)
    joined.add(job)
    this.#size += 1
  }

  /** How many lines there are. */
  get count(): number {
    return this.#lines.size
  }

  /** Takes a job out of its line. Has to come before anything that changes its place there: a new version waits anew. */
  leave(job: OpenJob): void {
    const { line } = job
    if (line === undefined) return
    line.remove(job)
    this.#size -= 1
    if (line.size === 0) this.#lines.delete(`${line.priority} ${line.shape}`)
  }
}

/** Which of two lines is served first: by priority, then by how long its first job has waited. */
export function servedBefore(a: Line, b: Line): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority
  return a.head !== undefined && (b.head === undefined || waitsBefore(a.head, b.head))
}
