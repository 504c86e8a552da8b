import type { Clock, Timer } from '../../../src/runtime/clock.ts'
import type { Store } from '../../../src/store/store.ts'
import { createDice, type Dice } from './dice.ts'
import type { Disk } from './disk.ts'

/** Where a process can be caught by its death: when it asks the disk, when the disk has done it, when it speaks, when it hears. */
export const CRASH_POINTS = ['now', 'commit', 'durable', 'send', 'receive'] as const
export type CrashPoint = (typeof CRASH_POINTS)[number]

/** A process, from its start to its death. After it nothing of it acts any more: no timer, no write, no answer, no message. */
export interface Life {
  readonly dead: boolean
  readonly clock: Clock
  readonly store: Store
  readonly dice: Dice
  /** The process has come to such a point. */
  reach(point: CrashPoint): void
}

export interface MachineOptions {
  readonly name: string
  /** The time of the world. */
  readonly clock: Clock
  readonly disk: Disk
  readonly dice: Dice
  /** Wall time of this machine is ahead by so much, in milliseconds, and its clock runs at this rate. */
  readonly skew?: number
  readonly rate?: number
  readonly onDeath?: () => void
}

/** A computer: its clock, its disk, and the process that runs on it. */
export class Machine {
  readonly name: string
  readonly disk: Disk
  /** Timers of the process that have neither fired nor been cancelled. */
  timers = 0
  readonly #options: MachineOptions
  readonly #rate: number
  #skew: number
  #boots = 0
  #life: { dead: boolean } | undefined
  #trap: { readonly point: CrashPoint; readonly hops: number } | undefined

  constructor(options: MachineOptions) {
    this.name = options.name
    this.disk = options.disk
    this.#options = options
    this.#rate = options.rate ?? 1
    this.#skew = options.skew ?? 0
  }

  get alive(): boolean {
    return this.#life !== undefined
  }

  /** Begins a process. */
  boot(): Life {
    if (this.#life !== undefined) throw new Error(`${this.name} runs already`)
    this.#boots += 1
    this.timers = 0
    const mortal = { dead: false }
    this.#life = mortal
    const life: Life = {
      get dead() {
        return mortal.dead
      },
      clock: this.#clock(mortal),
      store: this.disk.open(mortal, (point) => this.#reach(mortal, point)),
      dice: createDice(this.#options.dice.fork(String(this.#boots)).int(0, 2 ** 32 - 1)),
      reach: (point) => this.#reach(mortal, point),
    }
    return life
  }

  /** Ends the process as `kill -9` or the loss of power does: the disk keeps what was durable. */
  die(): void {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    this.#trap = undefined
    life.dead = true
    this.disk.crash()
    this.#options.onDeath?.()
  }

  /** Lets the process die as soon as it comes to `point`, `hops` microtasks later. */
  setTrap(point: CrashPoint, hops: number): void {
    this.#trap = { point, hops }
    if (this.#life !== undefined && point === 'now') this.#reach(this.#life, 'now')
  }

  /** The process need not fear any trap. */
  disarm(): void {
    this.#trap = undefined
  }

  /** Wall time jumps. */
  jump(milliseconds: number): void {
    this.#skew += milliseconds
  }

  #reach(life: { dead: boolean }, point: CrashPoint): void {
    if (life.dead || this.#trap?.point !== point) return
    let { hops } = this.#trap
    this.#trap = undefined
    const hop = () => {
      if (life.dead) return
      if (hops <= 0) return this.die()
      hops -= 1
      queueMicrotask(hop)
    }
    queueMicrotask(hop)
  }

  #after(life: { readonly dead: boolean }, delay: number, action: () => void): Timer {
    let pending = true
    const settle = () => {
      if (pending && !life.dead) this.timers -= 1
      pending = false
    }
    this.timers += 1
    const timer = this.#options.clock.after(delay, () => {
      settle()
      if (!life.dead) action()
    })
    return {
      cancel() {
        settle()
        timer.cancel()
      },
    }
  }

  #clock(life: { readonly dead: boolean }): Clock {
    const { clock } = this.#options
    const rate = this.#rate
    const began = clock.monotonic()
    return {
      // Whole milliseconds, as the platform's clock shows them.
      now: () => Math.floor(clock.now() + this.#skew),
      monotonic: () => (clock.monotonic() - began) * rate,
      after: (delay, action) => this.#after(life, delay / rate, action),
    }
  }
}
