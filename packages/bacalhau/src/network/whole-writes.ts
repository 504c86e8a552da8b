import type { ConnectionEncrypter } from '@libp2p/interface'
import { tls } from '@libp2p/tls'
import type { Uint8ArrayList } from 'uint8arraylist'

/** What the encrypted connection of @libp2p/tls is, as far as it is needed here. */
interface Encrypted {
  readonly socket: { write(bytes: Uint8Array): boolean; cork(): void; uncork(): void }
  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean }
}

/**
 * TLS that writes what belongs together in one piece. The library writes every part of a message on its own, so that each frame of
 * the muxer makes a record of its own for its twelve bytes of header, and as many trips through the layers below. In one piece, a
 * flow of bytes costs about half the processor time.
 */
export function wholeTls(): ReturnType<typeof tls> {
  return (components) => {
    const inner = tls()(components)
    const secured = async <T extends { connection: unknown }>(result: Promise<T>): Promise<T> => {
      const done = await result
      writeWhole(done.connection)
      return done
    }
    return Object.assign(Object.create(inner) as ConnectionEncrypter, {
      secureInbound: (...args: Parameters<ConnectionEncrypter['secureInbound']>) =>
        secured(inner.secureInbound(...args)),
      secureOutbound: (...args: Parameters<ConnectionEncrypter['secureOutbound']>) =>
        secured(inner.secureOutbound(...args)),
    })
  }
}

function writeWhole(connection: unknown): void {
  const encrypted = connection as Encrypted
  const { socket } = encrypted
  encrypted.sendData = (data) => {
    let canSendMore = true
    socket.cork()
    for (const part of data) canSendMore = socket.write(part)
    socket.uncork()
    return { sentBytes: data.byteLength, canSendMore }
  }
}
