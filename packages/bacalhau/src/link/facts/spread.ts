import { z } from 'zod'
import { createPace } from '../../network/gossip/pace.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Heard, Learned } from './directory.ts'
import { createAlarm } from './alarm.ts'
import { createOutlets, type Outlet } from './outlet.ts'
import { type AgedFacts, createStock } from './stock.ts'
import { type KeyRing, openFacts, type SignedFacts, signedFactsSchema } from './signed-facts.ts'

/** Milliseconds that news waits for more of it, and that a mere sign of life does. */
const NEWS = 400
const CALM = 15_000

/** What neighbours send each other: first what they have, then whatever the other does not have. */
export const messageSchema = z.union([
  z.object({ have: z.array(z.tuple([z.string().max(128), z.int().nonnegative()])).max(3 * LIMITS.knownNodes) }),
  z.object({ facts: z.array(signedFactsSchema.extend({ age: z.number().nonnegative() })).max(1_024) }),
])
export type SpreadMessage = z.infer<typeof messageSchema>

export interface SpreadOptions {
  /** Our own peer ID. */
  readonly self: string
  readonly clock: Clock
  /** Decides what becomes of facts whose author is certain. Those that are ignored are not passed on. */
  readonly learn: (heard: Heard) => Learned
  /** Somebody has facts of ours that are newer than what we have told: those of the process before this one. */
  readonly onOwn: (sequence: number) => void
}

/** A neighbour that is connected. */
export interface Neighbour {
  /** Takes a message of it. Throws `BadRequest` for one that no honest neighbour sends. */
  receive(message: SpreadMessage): void
  gone(): void
}

/**
 * Passes facts of nodes on from neighbour to neighbour: each to everybody, once. Signatures make it the same whoever brings
 * them. Facts are sent together with others of the same moment, so that the cost is that of messages, not that of nodes.
 */
export interface Spread extends Stoppable {
  /** `send` resolves when more may be sent; a neighbour for which it fails gets nothing more. */
  add(peerId: string, send: (message: SpreadMessage) => Promise<void>): Neighbour
  /** Tells of this node. */
  tell(facts: SignedFacts, isNews: boolean): void
  /** Sends at once what waits. Resolves when it has left. */
  flush(): Promise<void>
}

export function createSpread(options: SpreadOptions): Spread {
  const { clock } = options
  const stock = createStock(clock)
  const outlets = createOutlets(stock)
  const alarm = createAlarm(clock, () => void outlets.push())
  const open = createGate(options)

  function keep(facts: SignedFacts, age: number, isNews: boolean, from?: Outlet): void {
    stock.put(facts, age)
    outlets.lack(facts.author, from)
    alarm.within(isNews ? NEWS : CALM)
  }

  function take(outlet: Outlet, { age, ...facts }: AgedFacts): void {
    const known = stock.get(facts.author)?.sequence ?? -1
    if (known <= facts.sequence) outlet.has(facts.author)
    if (known >= facts.sequence) return
    const learned = open(facts, outlet.peerId, age)
    if (learned !== 'ignored') keep(facts, age, learned !== 'same', outlet)
  }

  return {
    add(peerId, send) {
      const outlet = outlets.add(peerId, (facts) => send({ facts }))
      const have = Array.from(stock.all(), ({ author, sequence }): [string, number] => [author, sequence])
      send({ have }).catch(() => outlets.remove(outlet))
      return {
        receive(message) {
          if ('have' in message) outlets.compare(outlet, new Map(message.have))
          else for (const facts of message.facts) take(outlet, facts)
        },
        gone: () => outlets.remove(outlet),
      }
    },
    tell: (facts, isNews) => keep(facts, 0, isNews),
    flush: () => outlets.push(),
    stop() {
      alarm.stop()
      outlets.clear()
      return Promise.resolve()
    },
  }
}

/** Lets in what is signed, and not too much of it. What a neighbour forges does not count against the author. */
function createGate({ self, clock, learn, onOwn }: SpreadOptions) {
  const keys: KeyRing = new Map()
  const ofNeighbour = createPace(clock, { perAuthor: LIMITS.factsInAll, total: Infinity })
  const ofAuthor = createPace(clock)
  return (facts: SignedFacts, via: string, age: number): Learned => {
    if (!ofNeighbour.allows(via)) return 'ignored'
    const statement = openFacts(facts, keys)
    if (statement === undefined) {
      throw new BacalhauError('BadRequest', `The peer passed on facts that ${facts.author} has not signed.`)
    }
    if (facts.author === self) onOwn(facts.sequence)
    return ofAuthor.allows(facts.author) ? learn({ statement, via, age }) : 'ignored'
  }
}
