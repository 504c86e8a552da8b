import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { TreeEntry } from './add-tree.ts'
import { leadsInside } from './export.ts'
import { SMALL_FILE } from './small-file.ts'
import { EXTENDED, isEnd, longNameIn, parseTarHeader, recordsIn, TAR_BLOCK, type TarFields } from './tar-fields.ts'

/** As long as paths may be on most systems; it bounds how deep folders nest as well. */
const MAX_PATH = 4_096
/** Bytes of what precedes an entry to say more about it. */
const MAX_EXTENDED = 64 * 1024

/**
 * The files, folders and links of a tar stream (POSIX ustar, pax and GNU names). Throws `BadRequest` for a broken archive, and
 * for links that lead out of it, hard links, devices and pipes. Where the paths lead is for whoever takes the entries to check.
 */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TreeEntry> {
  const input = createInput(archive)
  try {
    for (;;) {
      const fields = await nextEntry(input)
      if (fields === undefined) return await input.drain()
      yield* toEntry(fields, input)
    }
  } catch (error) {
    if (isBacalhauError(error)) throw error
    throw new BacalhauError('BadRequest', `the archive cannot be read: ${messageOf(error)}`, { cause: error })
  } finally {
    await input.stop()
  }
}

/** The header of the next entry, with what precedes it; undefined at the end. */
async function nextEntry(input: Input): Promise<TarFields | undefined> {
  const said: { path?: string; link?: string; size?: number } = {}
  for (;;) {
    const block = input.now(TAR_BLOCK) ?? (await input.read(TAR_BLOCK))
    if (isEnd(block)) return undefined
    const fields = parseTarHeader(block)
    if (!EXTENDED.includes(fields.type)) return { ...fields, ...said }
    if (fields.size > MAX_EXTENDED) throw refused(fields.path, 'has too long a path')
    const bytes = await input.read(padded(fields.size))
    const text = bytes.subarray(0, fields.size)
    if (fields.type === 'L') said.path = longNameIn(text)
    else if (fields.type === 'K') said.link = longNameIn(text)
    else if (fields.type === 'x') Object.assign(said, recordsIn(text))
  }
}

const padded = (size: number): number => Math.ceil(size / TAR_BLOCK) * TAR_BLOCK

const KINDS: Readonly<Record<string, string>> = {
  '1': 'link',
  '3': 'character-device',
  '4': 'block-device',
  '6': 'fifo',
}

async function* toEntry({ path, type, link, size }: TarFields, input: Input): AsyncGenerator<TreeEntry> {
  if (path.length > MAX_PATH) throw refused(path, 'has too long a path')
  switch (type) {
    case 'file':
      return yield* toFile(path, size, input)
    case 'folder':
      return yield { path }
    case '2':
      if (!leadsInside(link, path)) throw refused(path, 'is a link that leads out of the folder')
      return yield { path, link }
    default: {
      const kind = KINDS[type] ?? type
      throw refused(path, `is of the kind '${kind}'; only files, folders and symbolic links can be added`)
    }
  }
}

/** A small file comes in one piece, a large one as its bytes are asked for. */
async function* toFile(path: string, size: number, input: Input): AsyncGenerator<TreeEntry> {
  const whole = padded(size)
  if (size < SMALL_FILE) {
    const bytes = (input.now(whole) ?? (await input.read(whole))).subarray(0, size)
    return yield { path, bytes, content: only(bytes) }
  }
  let left = whole
  async function* content() {
    for (let rest = size; rest > 0;) {
      const bytes = await input.some(rest)
      ;[rest, left] = [rest - bytes.length, left - bytes.length]
      yield bytes
    }
  }
  yield { path, content: content() }
  // Whatever was not read of this one must be out of the way of the next.
  while (left > 0) left -= (await input.some(left)).length
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function refused(name: string, why: string): BacalhauError {
  return new BacalhauError('BadRequest', `the archive cannot be added: '${name.slice(0, 300)}' ${why}`)
}

/** A flow of bytes of which so many are taken as are needed. What ends too early throws. */
interface Input {
  /** So many bytes, if they are here already; they share memory with what has come. */
  now(length: number): Uint8Array | undefined
  read(length: number): Promise<Uint8Array>
  /** The next bytes, at least one and at most so many. */
  some(most: number): Promise<Uint8Array>
  /** Takes everything to the end: only then is known that it came whole. */
  drain(): Promise<void>
  stop(): Promise<void>
}

function createInput(source: AsyncIterable<Uint8Array>): Input {
  const chunks = source[Symbol.asyncIterator]()
  let [chunk, at]: [Uint8Array, number] = [new Uint8Array(), 0]
  let ended = false

  async function refill(): Promise<boolean> {
    while (at === chunk.length && !ended) {
      const { done, value } = await chunks.next()
      if (done === true) ended = true
      else [chunk, at] = [value, 0]
    }
    return !ended
  }

  const take = (length: number) => {
    const taken = chunk.subarray(at, at + length)
    at += taken.length
    return taken
  }

  async function some(most: number): Promise<Uint8Array> {
    if (!(await refill())) throw new Error('it ends too early')
    return take(most)
  }

  return {
    some,
    now: (length) => (chunk.length - at >= length ? take(length) : undefined),
    async read(length) {
      const bytes = Buffer.allocUnsafe(length)
      for (let filled = 0; filled < length;) {
        const part = await some(length - filled)
        bytes.set(part, filled)
        filled += part.length
      }
      return bytes
    },
    async drain() {
      at = chunk.length
      while (await refill()) at = chunk.length
    },
    async stop() {
      if (!ended) await chunks.return?.()
    },
  }
}
