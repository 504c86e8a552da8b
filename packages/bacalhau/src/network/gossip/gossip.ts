import {
  type GossipSub,
  gossipsub,
  type GossipsubOpts,
  type Message,
  StrictSign,
  type TopicValidatorFn,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { Libp2p } from '@libp2p/interface'
import type { Libp2pInit } from 'libp2p'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { isQuickToCheck } from '../signature.ts'
import { createPace } from './pace.ts'

/** One message of a topic. */
export interface GossipMessage {
  /** Who signed it. */
  readonly author: string
  /** The neighbour that it came from. */
  readonly via: string
  readonly data: Uint8Array
}

/** Messages that reach every node of the swarm which listens, signed by their authors. For what is small and rare. */
export interface Gossip extends Stoppable {
  /** Sends `data` to all who listen to `topic`. Nobody may be there. */
  publish(topic: string, data: Uint8Array): Promise<void>
  /**
   * Calls `listener` with each message of others, in any order, each once. One for which it says no is not passed on either. One
   * listener a topic.
   */
  subscribe(topic: string, listener: (message: GossipMessage) => boolean): void
  /** Calls `listener` when a neighbour begins to listen to `topic`. */
  onSubscriber(topic: string, listener: (peerId: string) => void): void
}

/** Name of the service among those of a host. */
const SERVICE = 'gossip'

/** The service that a host needs for `openGossip`. Only messages of `topics` are taken and passed on. */
export function gossipService(topics: readonly string[]): NonNullable<Libp2pInit['services']> {
  return { [SERVICE]: gossipsub({ ...SETTINGS, allowedTopics: [...topics] }) }
}

/**
 * As the Go program has it (go-libp2p-pubsub 0.9 to 0.10): signed messages, no scores. Scores would punish many nodes behind one
 * address, and Go nodes for being slow.
 */
export const SETTINGS: Partial<GossipsubOpts> = {
  globalSignaturePolicy: StrictSign,
  msgIdFn: messageId,
  // Copies are recognised by it before their signature is checked. Only the ID of a message that was checked is remembered.
  fastMsgIdFn({ from, seqno, key }) {
    // What is thrown here drops a message before its signature is checked.
    if (key && !isQuickToCheck(key)) throw new Error('checking this signature would take too long')
    return from && seqno ? Buffer.concat([from, seqno]).toString('latin1') : ''
  },
  allowPublishToZeroTopicPeers: true,
  runOnLimitedConnection: true,
  scoreParams: { IPColocationFactorWeight: 0, behaviourPenaltyWeight: 0 },
  maxInboundDataLength: LIMITS.frame,
  maxOutboundBufferSize: LIMITS.streamWindow,
  maxInboundStreams: 4,
  maxOutboundStreams: 4,
  maxTopicBytesPerPeer: 16 * 1024,
  decodeRpcLimits: {
    maxSubscriptions: 64,
    maxMessages: 1_024,
    maxIhaveMessageIDs: 5_000,
    maxIwantMessageIDs: 5_000,
    maxIdontwantMessageIDs: 512,
    maxControlMessages: 64,
    maxPeerInfos: 32,
  },
}

/**
 * The ID of a message as Go makes it: the bytes of the author's ID, then those of its number. With another one a Go node would be
 * offered, and would ask for, what it has already.
 */
export function messageId(message: Message): Uint8Array {
  if (message.type !== 'signed') return new Uint8Array()
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(message.sequenceNumber)
  return Buffer.concat([message.from.toMultihash().bytes, number])
}

/** The gossip of a host that was started with `gossipService`. */
export function openGossip(host: Libp2p, clock: Clock = systemClock): Gossip {
  const pubsub = serviceOf(host)
  // What comes over one neighbour does not count against what comes over the others.
  const ofNeighbour = createPace(clock, { perAuthor: LIMITS.factsInAll, total: Infinity })
  const ofAuthor = createPace(clock, { total: Infinity })
  const arrivals = new AbortController()

  const validator =
    (listener: (message: GossipMessage) => boolean): TopicValidatorFn =>
    (via, message) => {
      if (message.type !== 'signed' || message.data.length > LIMITS.nodeFacts) return TopicValidatorResult.Ignore
      const [author, neighbour] = [message.from.toString(), via.toString()]
      if (!ofNeighbour.allows(neighbour) || !ofAuthor.allows(author)) return TopicValidatorResult.Ignore
      const isGood = listener({ author, via: neighbour, data: message.data })
      return isGood ? TopicValidatorResult.Accept : TopicValidatorResult.Ignore
    }

  return {
    async publish(topic, data) {
      await pubsub.publish(topic, data)
    },
    subscribe(topic, listener) {
      pubsub.topicValidators.set(topic, validator(listener))
      pubsub.subscribe(topic)
    },
    onSubscriber(topic, listener) {
      pubsub.addEventListener(
        'subscription-change',
        ({ detail: { peerId, subscriptions } }) => {
          if (subscriptions.some((one) => one.topic === topic && one.subscribe)) listener(peerId.toString())
        },
        { signal: arrivals.signal },
      )
    },
    stop() {
      arrivals.abort()
      for (const topic of pubsub.getTopics()) {
        pubsub.unsubscribe(topic)
        pubsub.topicValidators.delete(topic)
      }
      return Promise.resolve()
    },
  }
}

function serviceOf(host: Libp2p): GossipSub {
  const service = host.services[SERVICE]
  if (!isGossipSub(service)) throw new Error('the host was started without gossip')
  return service
}

const isGossipSub = (service: unknown): service is GossipSub =>
  typeof service === 'object' && service !== null && 'topicValidators' in service
