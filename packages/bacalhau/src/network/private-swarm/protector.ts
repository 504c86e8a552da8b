import { randomBytes } from 'node:crypto'
import type { ConnectionProtector, MessageStream, MultiaddrConnection } from '@libp2p/interface'
import { AbstractMultiaddrConnection, byteStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { BacalhauError } from '../../runtime/error.ts'
import { isGreeting } from './greeting.ts'
import { createKeystream } from './keystream.ts'

/** Bytes that each side sends in the clear, first of all: the beginning of its keystream. */
export const NONCE_BYTES = 24

/** What a foreign peer has in place of our key. */
export type Foreign = 'no key' | 'another key'

export interface ProtectorOptions {
  readonly key: Uint8Array
  /** Somebody else's node is at the other end of a connection; `address` is its multiaddr. */
  readonly onForeign: (address: string, foreign: Foreign) => void
}

/**
 * Makes every connection one of a private swarm, as go-libp2p does (`pnet`, PSK version 1): each side sends a nonce of 24 bytes
 * and from there on everything through XSalsa20 with the common key, the negotiation of the security protocol included.
 */
export const protectConnections =
  ({ key, onForeign }: ProtectorOptions) =>
  (): ConnectionProtector => ({
    async protect(stream, options) {
      const connection = toConnection(stream)
      const refuse = (foreign: Foreign) => {
        onForeign(connection.remoteAddr.toString(), foreign)
        return new BacalhauError('SwarmKeyMismatch', `The peer at ${connection.remoteAddr.toString()} has ${foreign}.`)
      }
      const own = randomBytes(NONCE_BYTES)
      const bytes = byteStream(connection)
      const [read] = await Promise.all([bytes.read({ bytes: NONCE_BYTES, ...options }), bytes.write(own, options)])
      const theirs = read.subarray()
      if (isGreeting(theirs) === true) {
        const error = refuse('no key')
        connection.abort(error)
        throw error
      }
      return new PrivateConnection(
        bytes.unwrap(),
        { inbound: createKeystream(key, theirs), outbound: createKeystream(key, own) },
        refuse,
      )
    },
  })

/** libp2p hands over connections, whatever its types say. */
function toConnection(stream: MessageStream): MultiaddrConnection {
  if ('remoteAddr' in stream) return stream as MultiaddrConnection
  throw new TypeError('not a connection')
}

type Cipher = (data: Uint8Array) => Uint8Array

/** A connection whose bytes go through a cipher on their way. */
class PrivateConnection extends AbstractMultiaddrConnection {
  readonly #below: MultiaddrConnection
  readonly #ciphers: { readonly inbound: Cipher; readonly outbound: Cipher }
  readonly #refuse: (foreign: Foreign) => Error
  /** The first bytes that came, until they show whether the other side has our key. */
  #greeting: Buffer | undefined = Buffer.alloc(0)

  constructor(
    below: MultiaddrConnection,
    ciphers: { readonly inbound: Cipher; readonly outbound: Cipher },
    refuse: (foreign: Foreign) => Error,
  ) {
    const { remoteAddr, direction } = below
    super({ remoteAddr, direction, log: below.log.newScope('private') })
    this.#below = below
    this.#ciphers = ciphers
    this.#refuse = refuse
    below.addEventListener('message', ({ data }) => this.#receive(data))
    below.addEventListener('drain', () => this.onMuxerDrain())
    below.addEventListener('close', ({ error, local }) => {
      if (error === undefined) this.onTransportClosed()
      else if (local === true) this.abort(error)
      else this.onRemoteReset()
    })
  }

  #receive(data: Uint8Array | Uint8ArrayList): void {
    for (const piece of data instanceof Uint8Array ? [data] : data) {
      const plain = this.#ciphers.inbound(piece)
      if (!this.#isOurs(plain)) return this.abort(this.#refuse('another key'))
      this.onData(plain)
    }
  }

  /** Whoever has another key seems to say something else than how every connection begins. */
  #isOurs(plain: Uint8Array): boolean {
    if (this.#greeting === undefined) return true
    this.#greeting = Buffer.concat([this.#greeting, plain])
    const greeted = isGreeting(this.#greeting)
    if (greeted === true) this.#greeting = undefined
    return greeted !== false
  }

  sendData(data: Uint8ArrayList) {
    return {
      sentBytes: data.byteLength,
      canSendMore: this.#below.send(this.#ciphers.outbound(data.subarray())),
    }
  }

  sendReset(error: Error): void {
    this.#below.abort(error)
  }

  sendPause(): void {
    this.#below.pause()
  }

  sendResume(): void {
    this.#below.resume()
  }

  async sendClose(options?: Parameters<MultiaddrConnection['close']>[0]): Promise<void> {
    await this.#below.close(options)
  }
}
