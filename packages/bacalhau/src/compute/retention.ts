import { rm } from 'node:fs/promises'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import { executionFolder, type ExecutionName } from './execution-folder.ts'

export interface Retention extends Stoppable {
  /** The output of this execution, which ended `age` milliseconds ago, stays readable for its time from its end. */
  keep(name: ExecutionName, age?: number): void
  /** Who may read the output of an ended execution; undefined when it is gone. */
  owner(executionId: string): string | undefined
  /** What is kept of this execution has so many bytes. */
  weigh(executionId: string, bytes: number): void
  /** The disk is nearly full: removes the older half. */
  relieve(): void
}

interface Kept {
  readonly orchestrator: string
  readonly until: number
  /** Undefined until it is known. Of none, nothing is left to be removed. */
  bytes: number | undefined
}

/** Gives what removes the output of ended executions when its time, in milliseconds, is over. */
export function createRetention(clock: Clock, folder: string, time: number = LIMITS.outputRetention): Retention {
  return new FolderRetention(clock, folder, time)
}

/** Removes the oldest also when there are more than `LIMITS.outputsKept`, or more bytes of them than `LIMITS.outputBytesKept`. */
class FolderRetention implements Retention {
  readonly #clock: Clock
  readonly #folder: string
  readonly #time: number
  /** In the order in which they end. */
  readonly #kept = new Map<string, Kept>()
  readonly #removing = new Set<Promise<void>>()
  #bytes = 0
  #timer: Timer | undefined

  constructor(clock: Clock, folder: string, time: number) {
    this.#clock = clock
    this.#folder = folder
    this.#time = time
  }

  keep({ executionId, orchestrator }: ExecutionName, age = 0): void {
    // The wall clock, which tells the age, may have been set back.
    const left = this.#time - Math.max(0, age)
    // Run again, and ended again: it is the youngest now.
    this.#bytes -= this.#kept.get(executionId)?.bytes ?? 0
    this.#kept.delete(executionId)
    this.#kept.set(executionId, { orchestrator, until: this.#clock.monotonic() + left, bytes: undefined })
    if (this.#timer === undefined || this.#isTooMuch()) this.#sweep()
  }

  weigh(executionId: string, bytes: number): void {
    const one = this.#kept.get(executionId)
    if (one === undefined) return
    this.#bytes += bytes - (one.bytes ?? 0)
    one.bytes = bytes
    if (this.#isTooMuch()) this.#sweep()
  }

  relieve(): void {
    const older = [...this.#kept].slice(0, Math.ceil(this.#kept.size / 2))
    for (const [executionId, one] of older) this.#drop(executionId, one)
    this.#sweep()
  }

  owner(executionId: string): string | undefined {
    return this.#kept.get(executionId)?.orchestrator
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    await Promise.all(this.#removing)
  }

  #isTooMuch(): boolean {
    return this.#kept.size > LIMITS.outputsKept || this.#bytes > LIMITS.outputBytesKept
  }

  #sweep(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const [executionId, one] of this.#kept) {
      const left = one.until - this.#clock.monotonic()
      if (left > 0 && !this.#isTooMuch()) {
        this.#timer = this.#clock.after(left, () => this.#sweep())
        return
      }
      this.#drop(executionId, one)
    }
  }

  #drop(executionId: string, { orchestrator, bytes }: Kept): void {
    this.#kept.delete(executionId)
    this.#bytes -= bytes ?? 0
    if (bytes === 0) return
    const { root } = executionFolder(this.#folder, { orchestrator, executionId })
    // A folder that cannot be removed now is removed at a later start.
    const removal: Promise<void> = rm(root, { recursive: true, force: true })
      .catch(() => undefined)
      .finally(() => this.#removing.delete(removal))
    this.#removing.add(removal)
  }
}
