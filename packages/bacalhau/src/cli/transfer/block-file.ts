import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { CID } from 'multiformats/cid'
import { type BlockSource, linksOf, NO_HEAD, withHead } from '../../content/blocks/block-source.ts'
import { encodeCarHeader, encodeCarSection, readCar } from '../../content/car.ts'
import { keyOf, matches } from '../../content/cid.ts'
import { isBacalhauError } from '../../runtime/error.ts'

/** Blocks in the order in which they came, kept in a file so that a download can go on after anything. */
export interface BlockFile extends BlockSource {
  /** Blocks in it. */
  readonly count: number
  /** Bytes of them. */
  readonly bytes: number
  append(cid: CID, block: Uint8Array): Promise<void>
  close(): Promise<void>
}

interface Place {
  readonly offset: number
  readonly length: number
  /** Has no links. */
  readonly leaf: boolean
}

/** Small blocks are written, and read, many at a time. Bytes. */
const WINDOW = 256 * 1024

/**
 * Opens `file`, a CAR, or makes it. Each block that is there is checked against its CID again; what follows the last good one,
 * such as the half of a block, is cut off.
 */
export async function openBlockFile(file: string, root: CID): Promise<BlockFile> {
  const places = new Map<string, Place>()
  const header = encodeCarHeader(root)
  const handle = await open(file, 'a+', 0o600)
  const gathered = createTail(handle)
  const windows = createWindows(handle)
  let [end, bytes] = [header.length, 0]
  const note = (cid: CID, block: Uint8Array) => {
    const { length } = block
    const offset = end + encodeCarSection(cid, length).length
    places.set(keyOf(cid), { offset, length, leaf: linksOf(cid, block).length === 0 })
    ;[end, bytes] = [offset + length, bytes + length]
  }
  await recover(file, handle, header, note, () => end)
  const get: BlockFile['get'] = async (cid, headOf) => {
    const place = places.get(keyOf(cid))
    if (place === undefined) return undefined
    await gathered.flush()
    const block = await windows.read(place, end)
    return matches(cid, block) ? withHead(block, headOf?.(block.length) ?? NO_HEAD) : undefined
  }
  return {
    get count() {
      return places.size
    },
    get bytes() {
      return bytes
    },
    has: (cid) => places.has(keyOf(cid)),
    get,
    async links(cid) {
      if (places.get(keyOf(cid))?.leaf === true) return []
      const block = await get(cid)
      return block === undefined ? undefined : linksOf(cid, block)
    },
    async append(cid, block) {
      if (places.has(keyOf(cid))) return
      note(cid, block)
      await gathered.add(encodeCarSection(cid, block.length), block)
    },
    async close() {
      try {
        await gathered.flush()
      } finally {
        await handle.close()
      }
    },
  }
}

/** Notes what is there and good, and cuts off the rest. */
async function recover(
  file: string,
  handle: FileHandle,
  header: Uint8Array,
  note: (cid: CID, block: Uint8Array) => void,
  end: () => number,
): Promise<void> {
  try {
    if (!(await beginsWith(handle, header))) {
      await handle.truncate(0)
      await handle.appendFile(header)
    }
    await readGoodBlocks(file, note)
    await handle.truncate(end())
  } catch (error) {
    await handle.close()
    throw error
  }
}

/** What is still to be written. */
function createTail(handle: FileHandle) {
  let waiting: Uint8Array[] = []
  let size = 0
  async function flush(): Promise<void> {
    if (size === 0) return
    const bytes = Buffer.concat(waiting, size)
    ;[waiting, size] = [[], 0]
    await handle.appendFile(bytes)
  }
  return {
    flush,
    async add(...parts: readonly Uint8Array[]): Promise<void> {
      // Copied: a small block that waits must not keep all of the piece that it came in.
      waiting.push(Buffer.concat(parts))
      size += parts.reduce((sum, { length }) => sum + length, 0)
      if (size >= WINDOW) await flush()
    },
  }
}

/** Reads blocks with those that follow them, which are wanted next as a rule. */
function createWindows(handle: FileHandle) {
  let [start, window]: [number, Buffer] = [0, Buffer.alloc(0)]
  return {
    /** `end`: of what is written. */
    async read({ offset, length }: Place, end: number): Promise<Uint8Array> {
      if (offset < start || offset + length > start + window.length) {
        const fresh = Buffer.allocUnsafe(Math.min(Math.max(length, WINDOW), end - offset))
        const { bytesRead } = await handle.read(fresh, 0, fresh.length, offset)
        ;[start, window] = [offset, fresh.subarray(0, bytesRead)]
      }
      return window.subarray(offset - start, offset - start + length)
    },
  }
}

async function beginsWith(handle: FileHandle, header: Uint8Array): Promise<boolean> {
  const found = Buffer.alloc(header.length)
  const { bytesRead } = await handle.read(found, 0, found.length, 0)
  return bytesRead === header.length && found.equals(header)
}

async function readGoodBlocks(file: string, note: (cid: CID, block: Uint8Array) => void): Promise<void> {
  try {
    for await (const { cid, block } of readCar(createReadStream(file, { highWaterMark: WINDOW }))) note(cid, block)
  } catch (error) {
    if (!isBacalhauError(error)) throw error
  }
}
