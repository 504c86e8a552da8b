import type { Libp2p } from '@libp2p/interface'
import type { ByteStream } from '../../network/byte-stream.ts'
import { handleProtocol, openStream } from '../../network/protocol.ts'
import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'
import type { Logger } from '../../runtime/logger.ts'
import type { BlockSource } from '../blocks/block-source.ts'
import { createByteReader } from '../byte-reader.ts'
import { type BitswapClient, createBitswapClient } from './bitswap-client.ts'
import { BITSWAP_PROTOCOL, decodeBitswap, MAX_MESSAGE_BYTES } from './bitswap-message.ts'
import { createOutbox, type Outbox } from './bitswap-outbox.ts'
import { createBitswapServer } from './bitswap-server.ts'

export interface BitswapServices {
  readonly host: Libp2p
  readonly stored: BlockSource
  readonly clock: Clock
  readonly logger: Logger
}

/** Inbound streams of one connection. Each may hold one message in memory. */
const STREAMS = 16

/**
 * Exchanges blocks with every node that speaks bitswap, Kubo among them. Serves what is stored when asked; nobody is told of
 * new blocks, and a want that cannot be met now is not remembered.
 */
export async function startBitswap({
  host,
  stored,
  clock,
  logger,
}: BitswapServices): Promise<BitswapClient & Stoppable> {
  const questions = createOutboxes(host, clock, false)
  const answers = createOutboxes(host, clock, true)
  const server = createBitswapServer(stored, (peer) => answers.of(peer), logger)
  const client = createBitswapClient((peer) => questions.of(peer), clock)

  async function receive(stream: ByteStream): Promise<void> {
    await stream.close() // answers go on a stream of their own
    const reader = createByteReader(stream.receive())
    for (let length = await reader.varint(); length !== undefined; length = await reader.varint()) {
      if (length > MAX_MESSAGE_BYTES)
        throw new BacalhauError('PayloadTooLarge', `A bitswap message of ${length} bytes.`)
      const message = decodeBitswap(await reader.read(length))
      server.receive(stream.remotePeer, message.wants, message.full)
      client.receive(stream.remotePeer, message)
    }
  }

  const onDisconnect = ({ detail }: { detail: { toString(): string } }) => {
    const peer = detail.toString()
    server.forget(peer)
    questions.drop(peer)
    answers.drop(peer)
  }
  host.addEventListener('peer:disconnect', onDisconnect)
  const serving = await handleProtocol(host, BITSWAP_PROTOCOL, receive, { logger, maxStreams: STREAMS })
  return {
    ...client,
    async stop() {
      host.removeEventListener('peer:disconnect', onDisconnect)
      questions.stop()
      answers.stop()
      await serving.stop()
    },
  }
}

/** `present`: only to peers that are connected, as who asks is. */
function createOutboxes(host: Libp2p, clock: Clock, present: boolean) {
  const outboxes = new Map<string, Outbox>()
  function drop(peer: string): void {
    outboxes.get(peer)?.stop()
    outboxes.delete(peer)
  }
  return {
    of(peer: string): Outbox {
      const open = (signal: AbortSignal) => openStream(host, peer, BITSWAP_PROTOCOL, { signal, present })
      const known = outboxes.get(peer) ?? createOutbox(open, clock)
      outboxes.set(peer, known)
      return known
    },
    drop,
    stop: () => [...outboxes.keys()].forEach(drop),
  }
}
