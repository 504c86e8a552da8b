import type { NodeInfo } from '@bacalhau/models'
import type { Signer } from '../../network/signature.ts'
import { type Clock, sleep, type Timer } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'
import { doubleForm, generationBForm, type OwnFacts, ownForm } from './go-forms.ts'
import type { Generation } from './known-node.ts'
import { type SignedFacts, signFacts } from './signed-facts.ts'

/** Milliseconds between two looks whether there is something new to say, and between two times that it is said. */
const LOOK = 5_000
/** A node says that it is there this often, or more seldom the more nodes are there: what all say together stays the same. */
const EVERY = { least: 30_000, most: 120_000, perNode: 600 }
/** Milliseconds that the last word needs to get around before the connections close. */
const LAST_WORD = 500

export interface HeraldOptions {
  readonly signer: Signer
  readonly describe: () => NodeInfo
  /** Multiaddrs without the peer ID. */
  readonly addresses: () => readonly string[]
  /** Does this node take work of Go nodes? */
  readonly worksForGo: () => boolean
  /** Generations of Go nodes among the peers of this node, and anywhere in the swarm. */
  readonly goPeers: () => readonly Generation[]
  readonly goNodes: () => readonly Generation[]
  /** How many nodes are known. */
  readonly known: () => number
  /** To nodes of this program. */
  readonly tell: (facts: SignedFacts, isNews: boolean) => void
  /** To Go nodes. */
  readonly publish: (message: object) => void
  readonly clock: Clock
  readonly random: Random
}

/** Says what this node is: at once, when that changes, and from time to time. */
export interface Herald {
  /** Something may have changed that should be told soon. */
  look(): void
  /** A Go node has appeared, which has not heard of this one. */
  greet(): void
  /** Facts of ours with this number are about, perhaps of the process before this one: what is told from now on is newer. */
  outdo(sequence: number): void
  /** Says that this node goes. Resolves when that may have got around; from then on nothing more is said. */
  leave(): Promise<void>
}

export function startHerald(options: HeraldOptions): Herald {
  const { clock } = options
  let [said, saidAt, pause] = ['', -Infinity, 0]
  let timer: Timer | undefined
  let left = false
  const mouth = createMouth(options)

  function say(facts: Facts, isNews: boolean): void {
    said = substance(facts)
    saidAt = clock.monotonic()
    pause = intervalOf(options.known()) * (0.9 + options.random.next() / 5)
    mouth.say(facts, isNews)
  }

  function look(): void {
    timer?.cancel()
    if (left) return
    timer = clock.after(LOOK, look)
    const facts = gather(options)
    const isNews = substance(facts) !== said
    if (clock.monotonic() - saidAt >= (isNews ? LOOK : pause)) say(facts, isNews)
  }

  look()
  return {
    look,
    greet() {
      const before = saidAt
      look()
      if (!left && saidAt === before) mouth.repeatToGo(gather(options))
    },
    outdo(sequence) {
      if (!left && mouth.skipTo(sequence)) say(gather(options), true)
    },
    async leave() {
      if (left) return
      left = true
      timer?.cancel()
      say({ ...gather(options), leaving: true }, true)
      if (options.goNodes().length > 0) await sleep(clock, LAST_WORD)
    },
  }
}

type Facts = Omit<OwnFacts, 'sequence'>

function gather({ describe, addresses, goPeers, worksForGo }: HeraldOptions): Facts {
  return { info: describe(), addresses: addresses(), leaving: false, goPeers: goPeers(), worksForGo: worksForGo() }
}

/** Counts what is said, and says it to each in its own form. */
function createMouth({ signer, clock, tell, publish, goNodes }: HeraldOptions) {
  // A restarted node goes on above what it has said before, unless its clock was set back.
  let sequence = clock.now()

  function toGo(facts: Facts): void {
    const generations = goNodes()
    if (generations.length > 0) publish(doubleForm({ ...facts, sequence }))
    if (generations.includes('b')) publish(generationBForm({ ...facts, sequence }))
  }

  return {
    say(facts: Facts, isNews: boolean): void {
      sequence += 1
      tell(signFacts(signer, sequence, JSON.stringify(ownForm({ ...facts, sequence }))), isNews)
      toGo(facts)
    },
    repeatToGo: toGo,
    skipTo(number: number): boolean {
      if (number <= sequence) return false
      sequence = number
      return true
    },
  }
}

/** The pause between two signs of life where `known` nodes are about, in milliseconds. */
export const intervalOf = (known: number): number => Math.min(EVERY.most, Math.max(EVERY.least, known * EVERY.perNode))

/** What is worth telling at once: everything but how busy the node is. */
function substance({ info, addresses, goPeers, worksForGo }: Facts): string {
  const { AvailableCapacity: _a, RunningExecutions: _r, EnqueuedExecutions: _e, ...compute } = info.ComputeNodeInfo
  return JSON.stringify([{ ...info, ComputeNodeInfo: compute }, addresses, goPeers, worksForGo])
}
