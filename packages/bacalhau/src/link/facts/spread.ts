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
  /** Would facts of this author be taken of that neighbour? What would not is not even looked at. */
  readonly wants: (author: string, via: string) => boolean
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

  function keep(facts: SignedFacts, age: number, learned: Learned, from?: Outlet): void {
    stock.put(facts, age, learned === 'left')
    outlets.lack(facts.author, from)
    alarm.within(learned === 'same' ? CALM : NEWS)
  }

  function take(outlet: Outlet, { age, ...facts }: AgedFacts): void {
    const known = stock.get(facts.author)?.sequence ?? -1
    if (known <= facts.sequence) outlet.has(facts.author)
    if (known >= facts.sequence) return
    const learned = open(facts, outlet.peerId, age)
    if (learned !== 'ignored') keep(facts, age, learned, outlet)
  }

  return {
    add(peerId, send) {
      const outlet = outlets.add(peerId, (facts) => send({ facts }))
      const have = Array.from(stock.all(), ({ author, sequence }): [string, number] => [author, sequence])
      send({ have }).catch(() => outlets.remove(outlet))
      let hasSaid = false
      return {
        receive(message) {
          if ('have' in message) {
            // Each time it would be sent all that it says it lacks.
            if (hasSaid) throw new BacalhauError('BadRequest', 'The peer has said already what it has.')
            hasSaid = true
            outlets.compare(outlet, new Map(message.have))
          } else for (const facts of message.facts) take(outlet, facts)
        },
        gone: () => outlets.remove(outlet),
      }
    },
    tell: (facts, isNews) => keep(facts, 0, isNews ? 'changed' : 'same'),
    flush: () => outlets.push(),
    stop() {
      alarm.stop()
      outlets.clear()
      return Promise.resolve()
    },
  }
}

/**
 * Lets in what is signed, and not too much of it. What a neighbour forges does not count against the author, and what one neighbour
 * sends does not count against the others. Nobody is worth checking signatures for that lead to nothing.
 */
function createGate({ self, clock, wants, learn, onOwn }: SpreadOptions) {
  const keys: KeyRing = new Map()
  const ofNeighbour = createPace(clock, { perAuthor: LIMITS.factsInAll, total: Infinity })
  const ofAuthor = createPace(clock, { total: Infinity })
  return (facts: SignedFacts, via: string, age: number): Learned => {
    const { author } = facts
    if (author !== self && (!wants(author, via) || ofAuthor.isSpent(author))) return 'ignored'
    if (!ofNeighbour.allows(via)) return 'ignored'
    const statement = openFacts(facts, keys)
    if (statement === undefined) {
      throw new BacalhauError('BadRequest', `The peer passed on facts that ${author} has not signed.`)
    }
    if (author === self) onOwn(facts.sequence)
    return ofAuthor.allows(author) ? learn({ statement, via, age }) : 'ignored'
  }
}
