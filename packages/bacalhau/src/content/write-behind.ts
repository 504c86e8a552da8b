/** Bytes that one write carries. Each costs a trip to another thread and back, whatever it carries. */
const WRITE_BYTES = 1024 * 1024

/** Writes a file in large pieces: one is under way while the next is gathered. */
export interface WriteBehind {
  /** Resolves when more may come. The bytes must not change any more. Throws what this write or an earlier one ended with. */
  add(chunk: Uint8Array): Promise<void>
  /** Resolves when everything is written. */
  finish(): Promise<void>
}

/** The end of a `FileHandle` that is written to. */
interface Appendable {
  writev(chunks: readonly Uint8Array[]): Promise<{ readonly bytesWritten: number }>
  appendFile(bytes: Uint8Array): Promise<void>
}

export function createWriteBehind(handle: Appendable): WriteBehind {
  let [gathered, bytes]: [Uint8Array[], number] = [[], 0]
  let writing: Promise<void> = Promise.resolve()

  async function flush(): Promise<void> {
    const chunks = gathered
    ;[gathered, bytes] = [[], 0]
    await writing
    if (chunks.length > 0) writing = writeAll(handle, chunks)
    writing.catch(() => {}) // reported by whoever awaits it next
  }

  return {
    async add(chunk) {
      gathered.push(chunk)
      bytes += chunk.length
      if (bytes >= WRITE_BYTES) await flush()
    },
    async finish() {
      await flush()
      await writing
    },
  }
}

/** Appends all of `chunks`. */
export async function writeAll(handle: Appendable, chunks: readonly Uint8Array[]): Promise<void> {
  let { bytesWritten } = await handle.writev(chunks)
  // A short write is rare; the call that continues it either succeeds or says why not.
  for (const chunk of chunks) {
    if (bytesWritten < chunk.length) await handle.appendFile(chunk.subarray(bytesWritten))
    bytesWritten = Math.max(0, bytesWritten - chunk.length)
  }
}
