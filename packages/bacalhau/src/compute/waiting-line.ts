import type { Holding } from './holding.ts'

/** Executions that wait for room: the highest priority first, of equal ones the one that came first. Short, by a limit. */
export class WaitingLine {
  readonly #line: Holding[] = []

  get length(): number {
    return this.#line.length
  }

  get first(): Holding | undefined {
    return this.#line[0]
  }

  add(holding: Holding): void {
    const { Priority } = holding.job
    this.#line.splice(this.#line.findLastIndex(({ job }) => job.Priority >= Priority) + 1, 0, holding)
  }

  shift(): Holding | undefined {
    return this.#line.shift()
  }

  /** Takes `holding` out; false when it does not wait. */
  remove(holding: Holding): boolean {
    const index = this.#line.indexOf(holding)
    if (index !== -1) this.#line.splice(index, 1)
    return index !== -1
  }
}
