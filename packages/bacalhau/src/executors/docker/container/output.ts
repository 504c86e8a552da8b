import { RollingFile } from '../../rolling-output.ts'
import { EngineError } from '../engine/call.ts'

/** Bytes before each piece of output: which stream, three zeros, length (big-endian). */
const HEADER = 8

/** A piece of one stream. */
export interface Piece {
  readonly stream: 'stdout' | 'stderr'
  readonly bytes: Buffer
}

/**
 * Takes the engine's framing off its output: https://docs.docker.com/reference/api/engine/version/v1.41/#operation/ContainerAttach.
 * A piece of a frame is given as soon as it is there, so that no frame is ever held as a whole.
 */
export class FrameDecoder {
  readonly #header = Buffer.alloc(HEADER)
  #have = 0
  #left = 0

  /** The pieces in `chunk`, which they share memory with. */
  decode(chunk: Buffer): Piece[] {
    const pieces: Piece[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#left === 0) {
        const copied = chunk.copy(this.#header, this.#have, at, at + HEADER - this.#have)
        at += copied
        this.#have += copied
        if (this.#have < HEADER) break
        this.#left = this.#begin()
        continue
      }
      const bytes = chunk.subarray(at, at + this.#left)
      pieces.push({ stream: this.#header[0] === 2 ? 'stderr' : 'stdout', bytes })
      at += bytes.length
      this.#left -= bytes.length
      if (this.#left === 0) this.#have = 0
    }
    return pieces
  }

  #begin(): number {
    const [kind = 255, ...zeros] = this.#header.subarray(0, 4)
    if (kind > 2 || zeros.some((byte) => byte !== 0)) {
      throw new EngineError(0, 'the container engine sent output that is not in its format')
    }
    const length = this.#header.readUInt32BE(4)
    if (length === 0) this.#have = 0
    return length
  }
}

export interface OutputFiles {
  readonly stdoutPath: string
  readonly stderrPath: string
  /** Bytes of each that are kept: the beginning and the newest. */
  readonly limit: number
}

/** Output of a run on its way to the files. */
export interface OutputSink {
  /** Takes all that comes, to its end. Rejects when it breaks. */
  follow(source: AsyncIterable<Buffer>, onOutput: () => void): Promise<void>
  /** Has something been dropped? */
  readonly truncated: boolean
  /** Is it in several files? */
  readonly rolled: boolean
  close(): Promise<void>
}

/** Makes the files, empty. */
export async function openOutput({ stdoutPath, stderrPath, limit }: OutputFiles): Promise<OutputSink> {
  const stdout = new OutputFile(await RollingFile.create(stdoutPath, limit))
  const stderr = new OutputFile(await RollingFile.create(stderrPath, limit))
  const both = [stdout, stderr]
  return {
    async follow(source, onOutput) {
      const decoder = new FrameDecoder()
      const writer = createWriter(async () => {
        await Promise.all(both.map((file) => file.flush()))
        onOutput()
      })
      try {
        for await (const chunk of source) {
          for (const { stream, bytes } of decoder.decode(chunk)) (stream === 'stdout' ? stdout : stderr).add(bytes)
          await writer.add(chunk.length)
        }
      } finally {
        await writer.settled()
      }
    },
    get truncated() {
      return both.some(({ file }) => file.truncated)
    },
    get rolled() {
      return both.some(({ file }) => file.rolled)
    },
    async close() {
      await Promise.all(both.map(({ file }) => file.close()))
    },
  }
}

/** What may wait for the disk while more is read, in bytes. */
const WAITING = 512 * 1024

/** Writes again and again while there is something: what comes meanwhile goes out in one piece. */
function createWriter(flush: () => Promise<void>) {
  let waiting = 0
  let writing: Promise<void> | undefined
  const write = async () => {
    while (waiting > 0) {
      waiting = 0
      await flush()
    }
    writing = undefined
  }
  return {
    async add(bytes: number): Promise<void> {
      waiting += bytes
      writing ??= write()
      // A failure is told to whoever waits next.
      writing.catch(() => undefined)
      if (waiting > WAITING) await writing
    },
    settled: async (): Promise<void> => writing,
  }
}

/** One output file: pieces of a chunk go out in one call. */
class OutputFile {
  readonly file: RollingFile
  #pending: Buffer[] = []

  constructor(file: RollingFile) {
    this.file = file
  }

  add(bytes: Buffer): void {
    if (bytes.length > 0) this.#pending.push(bytes)
  }

  async flush(): Promise<void> {
    const pending = this.#pending
    if (pending.length === 0) return
    this.#pending = []
    await this.file.writeAll(pending)
  }
}
