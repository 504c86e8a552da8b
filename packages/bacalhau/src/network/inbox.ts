/**
 * Chunks between a producer that pushes and one reader that pulls. `onPressure(true)` asks the producer to pause when more
 * than `capacity` bytes wait, `onPressure(false)` to go on when the reader has taken them all.
 */
export interface Inbox {
  push(chunk: Uint8Array): void
  /** No more will come. With an error, the reader gets it after what was pushed before. The first end counts. */
  end(error?: Error): void
  /** The next chunk, or undefined at the end. */
  next(): Promise<Uint8Array | undefined>
}

export function createInbox(capacity: number, onPressure: (full: boolean) => void): Inbox {
  let waiting: Uint8Array[] = []
  let bytes = 0
  let full = false
  let ended: { error: Error | undefined } | undefined
  let wake: (() => void) | undefined

  function setFull(value: boolean): void {
    if (full === value) return
    full = value
    onPressure(value)
  }

  function take(): Uint8Array | undefined {
    const chunk = waiting.length > 1 ? Buffer.concat(waiting) : waiting[0]
    waiting = []
    bytes = 0
    return chunk
  }

  return {
    push(chunk) {
      if (ended !== undefined || chunk.length === 0) return
      waiting.push(chunk)
      bytes += chunk.length
      if (bytes > capacity) setFull(true)
      wake?.()
    },
    end(error) {
      ended ??= { error }
      wake?.()
    },
    async next() {
      while (bytes === 0) {
        if (ended?.error !== undefined) throw ended.error
        if (ended !== undefined) return undefined
        const { promise, resolve } = Promise.withResolvers<void>()
        wake = resolve
        await promise
        wake = undefined
      }
      const chunk = take()
      setFull(false)
      return chunk
    },
  }
}
