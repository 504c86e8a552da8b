import type { Libp2p } from '@libp2p/interface'
import type { ByteStream } from '../../network/byte-stream.ts'
import { openStream } from '../../network/protocol.ts'
import { withDeadline } from '../../runtime/abort.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { BlockBatch } from '../blocks/block-batch.ts'
import { type CarBlock, readCar } from '../car.ts'
import { createTurnstile } from '../parallel.ts'
import { blocksOf, type Selection } from '../selection.ts'
import type { Exchange, FetchOptions } from './fetch.ts'
import { ANSWER, CAR_PROTOCOL, type CarRequest, encodeCarRequest } from './car-protocol.ts'

/** Opens a stream to a peer, which is dialled if need be. */
export type Dial = (peer: string, options: { readonly signal: AbortSignal }) => Promise<ByteStream>

export function dialCar(host: Libp2p): Dial {
  return (peer, options) => openStream(host, peer, CAR_PROTOCOL, { ...options, overRelay: true })
}

/**
 * Content by CAR streams. Takes each block only if it is the very one that comes next, so that a peer cannot make us keep
 * anything else.
 */
export function createCarClient(dial: Dial, clock: Clock): Exchange {
  const turnstile = createTurnstile(LIMITS.contentStreamsToPeer)

  /** Sends a request and gives what comes back; the first byte says whether anything will. */
  async function request(peer: string, what: CarRequest, signal: AbortSignal): Promise<AsyncGenerator<Uint8Array>> {
    const stream = await dial(peer, { signal })
    const onAbort = () => stream.abort(new Error('no longer wanted'))
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await stream.send(encodeCarRequest(what), { signal })
      await stream.close({ signal })
    } catch (error) {
      onAbort()
      throw error
    }
    return answerOf(stream, clock, () => signal.removeEventListener('abort', onAbort))
  }

  return {
    name: 'car',
    async ask(peer, selection, signal) {
      try {
        const deadline = withDeadline(signal, LIMITS.contentAnswer)
        const answer = await request(peer, { want: 'have', selection, skip: 0 }, deadline)
        const { value } = await answer.next()
        await answer.return(undefined)
        return value?.[0] === ANSWER.found
      } catch {
        signal.throwIfAborted()
        return false
      }
    },
    async download(peer, selection, batch, options) {
      const { signal } = options
      const leave = await turnstile.enter(peer, signal)
      const open = async (skip: number) =>
        readCar(withoutAnswer(await request(peer, { want: 'blocks', selection, skip }, signal)))
      try {
        await receive(selection, batch, options, open)
      } finally {
        leave()
      }
    },
  }
}

/** Goes through the selection: first over what is here already, then, from the first gap on, along what the peer sends. */
async function receive(
  selection: Selection,
  batch: BlockBatch,
  { maxBytes, onBytes }: Pick<FetchOptions, 'maxBytes' | 'onBytes'>,
  open: (skip: number) => Promise<AsyncGenerator<CarBlock>>,
): Promise<void> {
  let present = 0
  let bytes = 0
  let car: AsyncGenerator<CarBlock> | undefined
  try {
    for await (const cid of blocksOf(selection, batch)) {
      if (car === undefined && batch.has(cid)) {
        batch.touch(cid)
        present += 1
        continue
      }
      car ??= await open(present)
      const next = await car.next()
      if (next.done === true) throw new BacalhauError('ContentInvalid', 'The peer stopped sending before the end.')
      if (!next.value.cid.equals(cid)) throw new BacalhauError('ContentInvalid', 'The peer sent a block out of turn.')
      bytes += next.value.block.length
      if (bytes > maxBytes) throw new BacalhauError('ContentTooLarge', `The content has more than ${maxBytes} bytes.`)
      onBytes?.(next.value.block.length)
      await batch.put(cid, next.value.block)
    }
    // Lets the stream end in peace. Whatever else might come is not read.
    await car?.next().catch(() => {})
  } finally {
    await car?.return(undefined)
  }
}

/** Chunks of the answer, with an end to patience while waiting for each. */
async function* answerOf(stream: ByteStream, clock: Clock, ended: () => void): AsyncGenerator<Uint8Array> {
  const chunks = stream.receive()
  const stalled = new BacalhauError('TimeOut', `The peer sent nothing for ${LIMITS.contentStall / 1000} s.`)
  try {
    for (;;) {
      const timer = clock.after(LIMITS.contentStall, () => stream.abort(stalled))
      const { value, done } = await chunks.next().finally(() => timer.cancel())
      if (done === true) return
      yield value
    }
  } finally {
    ended()
    await chunks.return()
  }
}

async function* withoutAnswer(chunks: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let answered = false
  for await (const chunk of chunks) {
    if (answered) yield chunk
    else if (chunk[0] === ANSWER.found) yield chunk.subarray(1)
    else if (chunk[0] === ANSWER.busy) throw new BacalhauError('TooManyRequests', 'The peer is busy.')
    else throw new BacalhauError('ContentNotFound', 'The peer does not have the content.')
    answered = true
  }
}
