import { open, readdir, rename, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../runtime/error.ts'

/**
 * Output of a run that may write without end, in a bounded space: the beginning stays in the file itself, half of the space; what
 * follows goes to segments beside it, `<file>.from-<place>`, each an eighth, of which the four newest stay. A place counts all bytes
 * that were ever written. At the end the segments are joined to the file, with a line in between that says what is missing.
 */
export interface Rolling {
  /** Bytes of the file, and of each segment. */
  readonly head: number
  readonly segment: number
}

/** Newest segments that stay. */
export const SEGMENTS = 4
const INFIX = '.from-'
/** A segment that is being joined is no segment any more. */
const JOINING = '.joining-'

export const rollingWithin = (limit: number): Rolling => ({
  head: Math.ceil(limit / 2),
  segment: Math.max(1, Math.floor(limit / 2 / SEGMENTS)),
})

export interface Segment {
  /** The place of its first byte. */
  readonly start: number
  readonly path: string
}

export const segmentPath = (file: string, start: number): string => `${file}${INFIX}${start}`

/** The segments of `file`, in order. */
export async function segmentsOf(file: string): Promise<Segment[]> {
  const prefix = path.basename(file) + INFIX
  const folder = path.dirname(file)
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  })
  return entries
    .filter((entry) => entry.isFile() && entry.name.startsWith(prefix))
    .map(({ name }) => ({ start: Number(name.slice(prefix.length)), path: path.join(folder, name) }))
    .filter(({ start }) => Number.isSafeInteger(start))
    .toSorted((a, b) => a.start - b.start)
}

/** The system takes a thousand pieces at most in one call, and small ones are as well put together first. */
const MOST_PIECES = 512

/** The next place to write to: the bytes that still fit there, and a new segment when there are none. */
export class RollingFile {
  readonly #file: string
  readonly #rolling: Rolling
  readonly #segments: Segment[] = []
  #handle
  #size = 0
  #room: number

  private constructor(file: string, rolling: Rolling, handle: Awaited<ReturnType<typeof open>>) {
    this.#file = file
    this.#rolling = rolling
    this.#handle = handle
    this.#room = rolling.head
  }

  /** Makes the file, empty. */
  static async create(file: string, limit: number): Promise<RollingFile> {
    return new RollingFile(file, rollingWithin(limit), await open(file, 'w', 0o600))
  }

  /** Has something been dropped? */
  truncated = false

  /** Are there segments to be joined? */
  get rolled(): boolean {
    return this.#segments.length > 0
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      if (this.#room === 0) await this.#roll()
      const part = bytes.subarray(at, at + this.#room)
      await this.#handle.appendFile(part)
      at += part.length
      this.#size += part.length
      this.#room -= part.length
    }
  }

  /** The same for many pieces, in one call where they fit. */
  async writeAll(pieces: readonly Uint8Array[]): Promise<void> {
    let left = pieces.length > MOST_PIECES ? [Buffer.concat(pieces)] : pieces
    const bytes = left.reduce((sum, { length }) => sum + length, 0)
    if (bytes <= this.#room) {
      const { bytesWritten } = await this.#handle.writev([...left])
      this.#size += bytesWritten
      this.#room -= bytesWritten
      // As good as always all of it; a disk that is nearly full takes less.
      if (bytesWritten === bytes) return
      left = [Buffer.concat(left).subarray(bytesWritten)]
    }
    for (const piece of left) await this.write(piece)
  }

  close(): Promise<void> {
    return this.#handle.close()
  }

  async #roll(): Promise<void> {
    const segment = { start: this.#size, path: segmentPath(this.#file, this.#size) }
    const next = await open(segment.path, 'w', 0o600)
    await this.#handle.close()
    this.#handle = next
    this.#room = this.#rolling.segment
    this.#segments.push(segment)
    const oldest = this.#segments.length > SEGMENTS ? this.#segments.shift() : undefined
    if (oldest === undefined) return
    this.truncated = true
    await unlink(oldest.path)
  }
}

/** Where the bytes of a joined file lay before. */
export interface Joined {
  /** Bytes of the beginning, which lie where they did. */
  readonly head: number
  /** What has to be added to a place beyond them to get the one in the file. */
  readonly shift: number
}

/** Says what is missing at this point. */
export const gapLine = (bytes: number): Buffer => Buffer.from(`\n[… ${bytes} bytes of output were dropped here …]\n`)

/** Joins the segments of `file` to it; undefined when it has none. Nobody may write any more. */
export async function joinSegments(file: string): Promise<Joined | undefined> {
  const segments = await segmentsOf(file)
  const [first] = segments
  if (first === undefined) return undefined
  const head = (await stat(file)).size
  const gap = first.start > head ? gapLine(first.start - head) : Buffer.alloc(0)
  const target = await open(file, 'a', 0o600)
  try {
    // First none of them is a segment any more: whoever reads this file goes on in it.
    const joining = segments.map(({ start }) => `${file}${JOINING}${start}`)
    for (const [index, segment] of segments.entries()) await rename(segment.path, joining[index] ?? segment.path)
    await target.appendFile(gap)
    for (const place of joining) {
      const source = await open(place, 'r')
      for await (const chunk of source.createReadStream()) await target.appendFile(chunk as Buffer)
      await unlink(place)
    }
  } finally {
    await target.close()
  }
  return { head, shift: head + gap.length - first.start }
}
