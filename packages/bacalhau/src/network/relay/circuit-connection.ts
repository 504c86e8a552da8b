import type { AbortOptions, Stream } from '@libp2p/interface'
import { AbstractMultiaddrConnection } from '@libp2p/utils'
import type { Multiaddr } from '@multiformats/multiaddr'
import { pauseSoon } from '../pause.ts'
import type { Uint8ArrayList } from 'uint8arraylist'

/** A stream to a relay, behind which is the peer, as a connection that has yet to be secured. */
class CircuitConnection extends AbstractMultiaddrConnection {
  readonly #stream: Stream

  constructor(stream: Stream, remoteAddr: Multiaddr) {
    super({ remoteAddr, direction: stream.direction, log: stream.log.newScope('circuit') })
    this.#stream = stream
    stream.addEventListener('close', ({ error }) => this.onTransportClosed(error))
    stream.addEventListener('remoteCloseWrite', () => {
      this.onRemoteCloseWrite()
      this.close().catch((error: unknown) => this.abort(error instanceof Error ? error : new Error(String(error))))
    })
    stream.addEventListener('message', ({ data }) => this.onData(data))
    stream.addEventListener('drain', () => this.safeDispatchEvent('drain'))
  }

  sendData(data: Uint8ArrayList): { sentBytes: number; canSendMore: boolean } {
    return { sentBytes: data.byteLength, canSendMore: this.#stream.send(data) }
  }

  async sendClose(options?: AbortOptions): Promise<void> {
    await this.#stream.close(options)
  }

  sendReset(error: Error): void {
    this.#stream.abort(error)
  }

  sendPause(): void {
    pauseSoon(this.#stream, () => this.readStatus === 'paused')
  }

  sendResume(): void {
    this.#stream.resume()
  }
}

export function circuitConnection(stream: Stream, remoteAddr: Multiaddr): AbstractMultiaddrConnection {
  return new CircuitConnection(stream, remoteAddr)
}
