import type { ComputeNode } from '../../../src/compute/compute-node.ts'
import type { Callback } from '../../../src/link/go/compute/callbacks.ts'
import type { RequesterDesk } from '../../../src/link/go/compute/requester-desk.ts'
import { RequesterDesks } from '../../../src/link/go/compute/requester-desks.ts'
import { abortable } from '../../../src/runtime/abort.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { BacalhauError } from '../../../src/runtime/error.ts'
import type { Stoppable } from '../../../src/runtime/lifecycle.ts'
import { LIMITS } from '../../../src/runtime/limits.ts'
import type { Logger } from '../../../src/runtime/logger.ts'
import type { Dice } from '../world/dice.ts'
import type { Life } from '../world/machine.ts'
import type { Violation } from '../world/violation.ts'
import { type Asked, type GoAskPlan, GoRequester } from './go-requester.ts'

/** How the ways of one requester to all nodes are. */
export interface MarketWeather {
  readonly latency: readonly [number, number]
  /** How likely a call is lost, an answer, a callback, or only the sign that a callback has arrived. */
  readonly lost: number
}

export interface MarketOptions {
  readonly clock: Clock
  readonly dice: Dice
  readonly logger: (who: string) => Logger
  readonly note: (text: string) => void
  readonly fail: (violation: Violation) => void
}

interface Process {
  readonly life: Life
  readonly desks: RequesterDesks
  /** Called when the process dies: those that it has not answered notice. */
  readonly deserted: Set<() => void>
}

const FAIR: MarketWeather = { latency: [0, 2], lost: 0 }
/** Milliseconds after which a Go node has connected again at the latest. */
const REDIAL = 10_000

/** Go requesters that give work to nodes of ours, over the adapter that works for real ones. */
export class GoMarket {
  readonly requesters = new Map<string, GoRequester>()
  readonly #options: MarketOptions
  readonly #processes = new Map<string, Process>()
  readonly #weather = new Map<string, MarketWeather>()
  /** Pairs of a requester and a node between which nothing comes through. */
  readonly #cut = new Set<string>()
  #healed = false

  constructor(options: MarketOptions) {
    this.#options = options
  }

  add(id: string, weather: MarketWeather): void {
    const { clock, note, fail } = this.#options
    const call: ConstructorParameters<typeof GoRequester>[0]['call'] = (node, what, action) =>
      this.#call(id, node, what, action)
    this.requesters.set(id, new GoRequester({ id, clock, note, fail, call }))
    this.#weather.set(id, weather)
  }

  /** The adapter, in a process of a compute node. */
  async start(node: string, life: Life, compute: ComputeNode): Promise<Stoppable> {
    const desks = await RequesterDesks.open({
      self: node,
      store: life.store,
      clock: life.clock,
      random: life.dice,
      logger: this.#options.logger(`the Go desks of ${node}`),
      consider: async (requester, offer) => (await compute.consider(requester, offer))?.reason,
      attach: (channel) => compute.attach(channel),
      send: (requester, callback, signal) => this.#send(life, node, requester, callback, signal),
    })
    if (!life.dead) {
      this.#processes.set(node, { life, desks, deserted: new Set() })
      desks.recover()
    }
    return {
      stop: async () => {
        await desks.farewell()
        this.nodeDied(node)
        await desks.stop()
      },
    }
  }

  /** Nobody is served there any more. */
  nodeDied(node: string): void {
    for (const desert of this.#processes.get(node)?.deserted ?? []) desert()
    this.#processes.delete(node)
  }

  ask(requester: string, id: string, node: string, plan: GoAskPlan): void {
    const asker = this.requesters.get(requester)
    if (asker?.alive === true) asker.ask(id, node, plan)
  }

  /** Whoever has asked for the execution does not want it any more. */
  cancel(id: string): void {
    for (const requester of this.requesters.values()) if (requester.alive) requester.cancel(id)
  }

  /** Everybody else tries to lay hands on an execution. */
  meddle(id: string, what: 'accept' | 'cancel' | 'reject'): void {
    const asked = this.#asked().find((one) => one.id === id)
    if (asked === undefined) return
    for (const requester of this.requesters.values()) if (!requester.asked.has(id)) requester.meddle(asked, what)
  }

  restart(id: string, down: number): void {
    const requester = this.requesters.get(id)
    if (requester === undefined || !requester.alive) return
    requester.alive = false
    this.#options.clock.after(down, () => {
      requester.alive = true
      this.#hurrySoon(id)
    })
  }

  part(requester: string, node: string, time: number): void {
    this.#cut.add(`${requester}/${node}`)
    this.#options.clock.after(time, () => {
      this.#cut.delete(`${requester}/${node}`)
      this.#hurrySoon(requester)
    })
  }

  setWeather(id: string, weather: MarketWeather, time: number): void {
    this.#weather.set(id, weather)
    this.#options.clock.after(time, () => this.#weather.set(id, FAIR))
  }

  heal(): void {
    this.#healed = true
    this.#cut.clear()
    for (const [id, requester] of this.requesters) {
      requester.alive = true
      this.#weather.set(id, FAIR)
      this.#hurrySoon(id)
    }
  }

  /** Is anybody about to do something? */
  get isBusy(): boolean {
    return [...this.requesters.values()].some(({ pending }) => pending > 0)
  }

  /** What should have been told and was not. */
  problems(): string[] {
    return [...this.requesters.values()].flatMap((requester) =>
      [...requester.asked.values()].flatMap((asked) => {
        const problem = requester.problemOf(asked)
        return problem === undefined ? [] : [`${asked.id} of ${requester.id} at ${asked.node}: ${problem}`]
      }),
    )
  }

  #asked(): Asked[] {
    return [...this.requesters.values()].flatMap(({ asked }) => [...asked.values()])
  }

  #hurrySoon(requester: string): void {
    const { clock, dice } = this.#options
    clock.after(dice.next() * REDIAL, () => {
      for (const [node, { life, desks }] of this.#processes) {
        if (!this.#isThere(requester, node) || life.dead) continue
        if (!life.holds(() => desks.hurry(requester))) desks.hurry(requester)
      }
    })
  }

  #isThere(requester: string, node: string): boolean {
    return this.requesters.get(requester)?.alive === true && !this.#cut.has(`${requester}/${node}`)
  }

  #weatherOf(requester: string): MarketWeather {
    return this.#healed ? FAIR : (this.#weather.get(requester) ?? FAIR)
  }

  #delay(requester: string): number {
    const [least, most] = this.#weatherOf(requester).latency
    return least + this.#options.dice.next() * (most - least)
  }

  #isLost(requester: string): boolean {
    return this.#options.dice.chance(this.#weatherOf(requester).lost)
  }

  #call(
    requester: string,
    node: string,
    what: string,
    action: (desk: RequesterDesk) => Promise<unknown>,
  ): Promise<unknown> {
    const { clock, note } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    const lost = () => reject(new Error('routing failure'))
    // An answer gets through if both are there, still or again: a requester that was restarted does not wait for it any more.
    const answer = (settle: () => void) => {
      const asker = this.requesters.get(requester)
      clock.after(this.#delay(requester), () => {
        if (asker?.alive === true && this.#isThere(requester, node) && !this.#isLost(requester)) settle()
        else lost()
      })
    }
    clock.after(this.#delay(requester), () => {
      const process = this.#processes.get(node)
      if (process === undefined || !this.#isThere(requester, node) || this.#isLost(requester)) return lost()
      const { life, desks, deserted } = process
      deserted.add(lost)
      void promise.catch(() => undefined).finally(() => deserted.delete(lost))
      const serve = () => {
        note(`${requester} → ${node}: ${what}`)
        life.reach('receive')
        action(desks.at(requester, true)).then(
          (response) => life.dead || answer(() => resolve(response)),
          (error: unknown) => life.dead || answer(() => reject(error)),
        )
      }
      if (!life.holds(serve)) serve()
    })
    return promise
  }

  /** One attempt to deliver a callback. It may arrive although the node does not learn of that. */
  #send(life: Life, node: string, requester: string, callback: Callback, signal: AbortSignal): Promise<void> {
    const { clock, note } = this.#options
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    if (life.dead) return promise
    const settle = (action: () => void) => {
      if (!life.dead && !life.holds(action)) action()
    }
    const fail = (why: string) => settle(() => reject(new BacalhauError('PeerUnreachable', why)))
    life.reach('send')
    clock.after(this.#delay(requester), () => {
      if (!this.#isThere(requester, node)) return void clock.after(LIMITS.goAnswer / 10, () => fail('no way'))
      if (this.#isLost(requester)) return fail('the connection was cut')
      note(`${node} → ${requester}: ${callback.protocol.slice(19)} ${JSON.stringify(callback.message)}`)
      this.requesters.get(requester)?.hear(node, callback)
      const noticed = !this.#isLost(requester)
      clock.after(this.#delay(requester), () => (noticed ? settle(resolve) : fail('the connection was cut afterwards')))
    })
    return abortable(promise, signal)
  }
}
