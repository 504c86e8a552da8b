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
  /** Is the process frozen? Then `action` is done when the machine wakes, after what else has waited. */
  holds(action: () => void): boolean
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
  #rate: number
  #skew: number
  /** How far the monotonic clock of the process was when it began to run at this rate, and when that was in the world. */
  #passed = 0
  #since = 0
  #boots = 0
  #life: { dead: boolean } | undefined
  /** What the process does as soon as it wakes; undefined while it is awake. */
  #held: (() => void)[] | undefined
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
    this.#passed = 0
    this.#since = this.#options.clock.monotonic()
    const mortal = { dead: false }
    this.#life = mortal
    const life: Life = {
      get dead() {
        return mortal.dead
      },
      clock: this.#clock(mortal),
      store: this.disk.open(mortal, {
        reach: (point) => this.#reach(mortal, point),
        holds: (action) => this.#holds(mortal, action),
      }),
      dice: createDice(this.#options.dice.fork(String(this.#boots)).int(0, 2 ** 32 - 1)),
      reach: (point) => this.#reach(mortal, point),
      holds: (action) => this.#holds(mortal, action),
    }
    return life
  }

  /** Ends the process as `kill -9` or the loss of power does: the disk keeps what was durable. */
  die(): void {
    const life = this.#life
    if (life === undefined) return
    this.#life = undefined
    this.#trap = undefined
    this.#held = undefined
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

  /** From now on its clocks run at this rate, as those of a virtual machine that gets too little time do. */
  drift(rate: number): void {
    this.#passed = this.#monotonic()
    this.#since = this.#options.clock.monotonic()
    this.#rate = rate
  }

  get asleep(): boolean {
    return this.#held !== undefined
  }

  /** The process does nothing, although it lives: its time goes on, and what comes waits. */
  sleep(): void {
    if (this.#life !== undefined) this.#held ??= []
  }

  /** All at once happens what should have happened meanwhile. */
  wake(): void {
    const held = this.#held
    this.#held = undefined
    for (const action of held ?? []) action()
  }

  #holds(life: { readonly dead: boolean }, action: () => void): boolean {
    if (life.dead || this.#held === undefined) return false
    this.#held.push(() => !life.dead && action())
    return true
  }

  #monotonic(): number {
    return this.#passed + (this.#options.clock.monotonic() - this.#since) * this.#rate
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
      if (!life.dead && !this.#holds(life, action)) action()
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
    return {
      // Whole milliseconds, as the platform's clock shows them.
      now: () => Math.floor(clock.now() + this.#skew),
      monotonic: () => this.#monotonic(),
      after: (delay, action) => this.#after(life, delay / this.#rate, action),
    }
  }
}
