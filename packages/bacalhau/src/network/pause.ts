import type { Stream } from '@libp2p/interface'

/**
 * Pauses `stream` when what runs now has ended, if `isNeeded` still says so then. Not at once: a stream that is paused from within
 * its own `resume()`, while it hands out what it held, would tell the peer afterwards to go on, and overflow.
 */
export function pauseSoon(stream: Pick<Stream, 'readStatus' | 'pause'>, isNeeded: () => boolean): void {
  queueMicrotask(() => {
    if (stream.readStatus === 'readable' && isNeeded()) stream.pause()
  })
}
