import type { Clock, Timer } from '../runtime/clock.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { ExecutionOrder } from './runner.ts'

export interface PreparationsOptions {
  readonly clock: Clock
  /** Says it to an orchestrator, if that is there to hear it. */
  readonly tell: (orchestrator: string, executionId: string, message: string) => void
}

interface Preparation {
  text: string
  /** What was told last. */
  told: string
  timer: Timer | undefined
}

/**
 * How far executions are before they run: the newest of each is told, at most once in `LIMITS.preparingPause`. What takes less
 * time than that nobody hears of. Nothing of it is stored.
 */
export class Preparations {
  readonly #options: PreparationsOptions
  readonly #open = new Map<ExecutionOrder, Preparation>()

  constructor(options: PreparationsOptions) {
    this.#options = options
  }

  note(execution: ExecutionOrder, text: string): void {
    const preparation = this.#open.get(execution) ?? { text, told: '', timer: undefined }
    this.#open.set(execution, preparation)
    preparation.text = text
    preparation.timer ??= this.#options.clock.after(LIMITS.preparingPause, () => this.#tell(execution, preparation))
  }

  /** The execution runs, or has ended. */
  end(execution: ExecutionOrder): void {
    this.#open.get(execution)?.timer?.cancel()
    this.#open.delete(execution)
  }

  /** Tells everything once more: this orchestrator may have missed it. */
  repeat(orchestrator: string): void {
    for (const [execution, { told }] of this.#open) {
      if (told !== '' && execution.orchestrator === orchestrator)
        this.#options.tell(orchestrator, execution.executionId, told)
    }
  }

  #tell(execution: ExecutionOrder, preparation: Preparation): void {
    const { text } = preparation
    preparation.timer = undefined
    if (text === preparation.told) return
    preparation.told = text
    this.#options.tell(execution.orchestrator, execution.executionId, text)
  }
}
