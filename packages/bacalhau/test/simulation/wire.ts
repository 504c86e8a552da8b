import type { Channel, ChannelHandler } from '../../src/link/channel.ts'
import { createLoopback } from '../../src/link/loopback.ts'
import type { Clock } from '../../src/runtime/clock.ts'

export interface WireOptions {
  readonly clock: Clock
  /** Peer IDs of the two ends. */
  readonly peers: readonly [string, string]
  readonly sameMachine?: boolean
}

export interface Wire<A, B> {
  /** The end of the first peer, and of the second. */
  readonly ends: readonly [Channel<A, B>, Channel<B, A>]
  /** Milliseconds that a message takes from now on. Messages never overtake each other. */
  latency: number
  /** Both ends learn at once that the connection is broken. What was under way is lost. */
  cut(error?: Error): void
  /** Nothing comes through any more, and nobody is told. */
  freeze(): void
}

/** A connection between two machines of a simulated world. */
export function createWire<A, B>({ clock, peers, sameMachine = false }: WireOptions): Wire<A, B> {
  const [left, leftInner] = createLoopback<A, B>('')
  const [right, rightInner] = createLoopback<B, A>('')
  let state: 'up' | 'frozen' | 'cut' = 'up'
  const wire: Wire<A, B> = {
    ends: [present(left, peers[1], sameMachine), present(right, peers[0], sameMachine)],
    latency: 0,
    cut(error = new Error('the connection was cut')) {
      state = 'cut'
      leftInner.abort(error)
      rightInner.abort(error)
    },
    freeze() {
      state = 'frozen'
    },
  }
  const carry = (action: () => void) => {
    const deliver = () => state === 'up' && action()
    if (wire.latency === 0) deliver()
    else clock.after(wire.latency, deliver)
  }
  leftInner.start(relay(rightInner, carry))
  rightInner.start(relay(leftInner, carry))
  return wire
}

function relay<T>(
  to: Pick<Channel<T, never>, 'send' | 'close' | 'abort'>,
  carry: (action: () => void) => void,
): ChannelHandler<T> {
  return {
    onMessage: (message) => carry(() => to.send(message)),
    onClose: (error) => carry(() => (error === undefined ? to.close() : to.abort(error))),
  }
}

function present<Out, In>(end: Channel<Out, In>, peer: string, sameMachine: boolean): Channel<Out, In> {
  return {
    peer,
    sameMachine,
    start: (handler) => end.start(handler),
    send: (message) => end.send(message),
    close: () => end.close(),
    abort: (error) => end.abort(error),
  }
}
