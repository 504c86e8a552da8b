import type { z } from 'zod'
import type { Channel, ChannelHandler } from './channel.ts'

/** How one vocabulary is spoken in another, message by message. One for each channel: it may remember. */
export interface Translation<Out, In, ToPeer, FromPeer> {
  /** We say `message`: what the peer is to be told of it, and what we hear at once in its place. */
  readonly outgoing: (message: Out, say: (message: ToPeer) => void, hear: (message: In) => void) => void
  readonly incoming: (message: FromPeer, hear: (message: In) => void) => void
}

/** Says messages as `schema` reads them. One that it cannot read, the peer could not either: it is not said. */
export const saidAs =
  <T extends z.ZodType>(schema: T, say: (message: z.output<T>) => void) =>
  (message: z.input<T>): void => {
    const read = schema.safeParse(message)
    if (read.success) say(read.data)
  }

/** A channel to a peer of another vocabulary. */
export function translateChannel<Out, In, ToPeer, FromPeer>(
  channel: Channel<ToPeer, FromPeer>,
  { outgoing, incoming }: Translation<Out, In, ToPeer, FromPeer>,
): Channel<Out, In> {
  let handler: ChannelHandler<In> | undefined
  const say = (message: ToPeer) => channel.send(message)
  const hear = (message: In) => handler?.onMessage(message)

  /** A receiver never runs inside of a send. */
  const hearSoon = (message: In) =>
    queueMicrotask(() => {
      try {
        hear(message)
      } catch (error) {
        channel.abort(error instanceof Error ? error : new Error(String(error)))
      }
    })

  return {
    peer: channel.peer,
    sameMachine: channel.sameMachine,
    translated: true,
    send: (message) => outgoing(message, say, hearSoon),
    start(given) {
      handler = given
      channel.start({
        onMessage: (message) => incoming(message, hear),
        onSign: () => given.onSign?.(),
        onClose(error) {
          handler = undefined
          given.onClose(error)
        },
      })
    },
    // After its own end a side hears nothing any more.
    close() {
      handler = undefined
      channel.close()
    },
    abort(error) {
      handler = undefined
      channel.abort(error)
    },
  }
}
