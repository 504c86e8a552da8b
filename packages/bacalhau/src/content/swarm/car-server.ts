import type { Libp2p } from '@libp2p/interface'
import { type ByteStream, sendAll } from '../../network/byte-stream.ts'
import { handleProtocol } from '../../network/protocol.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import { carOf } from '../export-car.ts'
import { createTurnstile } from '../parallel.ts'
import { isComplete, type Selection } from '../selection.ts'
import { ANSWER, CAR_PROTOCOL, type CarRequest, decodeCarRequest, MAX_REQUEST_BYTES } from './car-protocol.ts'

export interface CarServerOptions {
  readonly host: Libp2p
  readonly store: BlockStore
  readonly clock: Clock
  readonly logger: Logger
}

const LOOKS_PER_PEER = 2
const NEVER = new AbortController().signal

/**
 * Serves what is in the store, and nothing else, to every peer that is connected: whoever knows a CID may have the content,
 * as everywhere in IPFS. Content that must stay private must be encrypted, or its node not be reachable.
 */
export function serveCar({ host, store, clock, logger }: CarServerOptions): Promise<Stoppable> {
  const slots = createSlots(LIMITS.contentStreams, LIMITS.contentStreamsPerPeer)
  const looks = createTurnstile(LOOKS_PER_PEER)

  /** Large trees that are not pinned take a while to look through; one peer's questions must not crowd out the others'. */
  async function has(selection: Selection, peer: string): Promise<boolean> {
    if (store.isPinned(selection.cid)) return true
    const leave = await looks.enter(peer, NEVER)
    return isComplete(selection, store).finally(leave)
  }

  async function serve(stream: ByteStream): Promise<void> {
    const request = decodeCarRequest(await readRequest(stream, clock))
    const peer = stream.remotePeer
    if (request.want === 'have') return answer(stream, (await has(request.selection, peer)) ? 'found' : 'missing')
    if (!slots.take(peer)) return answer(stream, 'busy')
    const release = await store.hold(request.selection.cid)
    try {
      if (!(await has(request.selection, peer))) return await answer(stream, 'missing')
      await sendAll(stream, foundCar(request, store))
    } finally {
      release()
      slots.free(peer)
    }
  }

  return handleProtocol(host, CAR_PROTOCOL, serve, { logger, overRelay: true })
}

async function answer(stream: ByteStream, which: keyof typeof ANSWER): Promise<void> {
  await sendAll(stream, [Uint8Array.of(ANSWER[which])])
}

async function readRequest(stream: ByteStream, clock: Clock): Promise<Uint8Array> {
  const tooSlow = new BacalhauError('TimeOut', 'The peer took too long over its request.')
  const timer = clock.after(LIMITS.handshake, () => stream.abort(tooSlow))
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of stream.receive()) {
      chunks.push(chunk)
      length += chunk.length
      if (length > MAX_REQUEST_BYTES) throw new BacalhauError('PayloadTooLarge', 'The request is too long.')
    }
  } finally {
    timer.cancel()
  }
  return Buffer.concat(chunks, length)
}

async function* foundCar({ selection, skip }: CarRequest, store: BlockStore): AsyncGenerator<Uint8Array> {
  yield Uint8Array.of(ANSWER.found)
  yield* carOf(selection, store, skip)
}

/** Counts what is going on, in all and for each peer. */
function createSlots(total: number, perPeer: number) {
  const taken = new Map<string, number>()
  let all = 0
  return {
    take(peer: string): boolean {
      const mine = taken.get(peer) ?? 0
      if (all >= total || mine >= perPeer) return false
      taken.set(peer, mine + 1)
      all += 1
      return true
    },
    free(peer: string): void {
      const left = (taken.get(peer) ?? 1) - 1
      if (left > 0) taken.set(peer, left)
      else taken.delete(peer)
      all -= 1
    },
  }
}
