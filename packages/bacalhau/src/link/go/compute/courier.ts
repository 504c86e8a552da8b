import { retryPause } from '../../../network/backoff.ts'
import type { Clock, Timer } from '../../../runtime/clock.ts'
import { messageOf } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Random } from '../../../runtime/random.ts'
import type { Callback } from './callbacks.ts'

export interface CourierOptions {
  readonly requester: string
  /** One attempt. Rejects when the requester was not reached, or threw the message away. */
  readonly send: (callback: Callback, signal: AbortSignal) => Promise<void>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

interface Letter {
  readonly callback: Callback
  readonly since: number
  refused: number
  readonly settle: (delivered: boolean) => void
}

/**
 * Delivers callbacks to one requester, some at a time and each until it has arrived, with growing pauses while the requester
 * cannot be reached. Gives up on what the requester throws away again and again, and on what is a day old.
 */
export class Courier {
  readonly #options: CourierOptions
  readonly #stopped = new AbortController()
  #letters: Letter[] = []
  #underWay = 0
  #failures = 0
  #pause: Timer | undefined

  constructor(options: CourierOptions) {
    this.#options = options
  }

  /** Resolves when it has arrived (true) or was given up (false); never, when the courier is stopped before. */
  deliver(callback: Callback): Promise<boolean> {
    return new Promise((settle) => {
      this.#letters.push({ callback, since: this.#options.clock.now(), refused: 0, settle })
      this.#advance()
    })
  }

  get isIdle(): boolean {
    return this.#underWay === 0 && this.#letters.length === 0
  }

  /** The requester may be reachable again. */
  hurry(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#advance()
  }

  stop(): void {
    this.#pause?.cancel()
    this.#letters = []
    this.#stopped.abort(new Error('the node is stopping'))
  }

  #advance(): void {
    while (this.#pause === undefined && this.#underWay < LIMITS.goCallsAtOnce && !this.#stopped.signal.aborted) {
      const letter = this.#letters.shift()
      if (letter === undefined) return
      this.#underWay += 1
      void this.#attempt(letter).finally(() => {
        this.#underWay -= 1
        this.#advance()
      })
    }
  }

  async #attempt(letter: Letter): Promise<void> {
    const { send, logger, requester } = this.#options
    const { protocol } = letter.callback
    try {
      await send(letter.callback, this.#stopped.signal)
      this.#failures = 0
      letter.settle(true)
    } catch (error) {
      if (this.#stopped.signal.aborted) return
      if (wasRefused(error)) letter.refused += 1
      if (this.#isHopeless(letter)) {
        logger.warn({ requester, protocol, error: messageOf(error) }, 'a Go requester does not take what it is told')
        return letter.settle(false)
      }
      logger.debug({ requester, protocol, error: messageOf(error) }, 'a Go requester was not reached')
      this.#letters.unshift(letter)
      this.#rest()
    }
  }

  #isHopeless({ refused, since }: Letter): boolean {
    return refused >= LIMITS.goRefusals || this.#options.clock.now() - since > LIMITS.goReportLife
  }

  #rest(): void {
    if (this.#pause !== undefined) return
    const { clock, random } = this.#options
    this.#failures += 1
    this.#pause = clock.after(retryPause(this.#failures, random), () => this.hurry())
  }
}

/** The stream was opened, and the requester reset it. */
function wasRefused(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause.name === 'StreamResetError') return true
  return false
}
