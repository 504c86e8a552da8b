/** What arrives on a channel. The channel calls these one at a time, in order, and never after `onClose`. */
export interface ChannelHandler<In> {
  /** Takes a message. When it throws, the channel ends with that error. */
  onMessage(message: In): void
  /** The other side is there: something of it has arrived, if only a part of a message. */
  onSign?(): void
  /** The channel has ended: by `close` of either side, or with the error that broke it. Called once. */
  onClose(error: Error | undefined): void
}

/**
 * Messages in both directions between an orchestrator and a compute node, in order, each at most once, for as long as the
 * channel lives. What was sent just before it broke may or may not have arrived: the handshake of the next channel settles that.
 * Neither side can tell whether the other is in the same process or on another machine.
 */
export interface Channel<Out, In> {
  /** Peer ID of the other side, authenticated. */
  readonly peer: string
  /** Is the other side on this very machine (same process, or a loopback address)? */
  readonly sameMachine: boolean
  /** The other side speaks another vocabulary. What it is said to have acknowledged, it may not have heard. */
  readonly translated?: true
  /** Begins to deliver. To be called once; nothing is lost before it. */
  start(handler: ChannelHandler<In>): void
  /** Queues a message; messages of one turn of the event loop travel together. After the end it does nothing. */
  send(message: Out): void
  /** Ends the channel after what was queued has been sent. Nothing more is delivered here. */
  close(): void
  /** Ends the channel at once, with this error here and some error there. */
  abort(error: Error): void
}
