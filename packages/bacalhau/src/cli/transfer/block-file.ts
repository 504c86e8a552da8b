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
}

/**
 * Opens `file`, a CAR, or makes it. Each block that is there is checked against its CID again; what follows the last good one,
 * such as the half of a block, is cut off.
 */
export async function openBlockFile(file: string, root: CID): Promise<BlockFile> {
  const places = new Map<string, Place>()
  const header = encodeCarHeader(root)
  const handle = await open(file, 'a+', 0o600)
  let [end, bytes] = [0, 0]
  const note = (cid: CID, length: number) => {
    const offset = end + encodeCarSection(cid, length).length
    places.set(keyOf(cid), { offset, length })
    ;[end, bytes] = [offset + length, bytes + length]
  }
  try {
    end = header.length
    if (!(await beginsWith(handle, header))) {
      await handle.truncate(0)
      await handle.appendFile(header)
    }
    await readGoodBlocks(file, note)
    await handle.truncate(end)
  } catch (error) {
    await handle.close()
    throw error
  }
  const get: BlockFile['get'] = async (cid, headOf) => {
    const place = places.get(keyOf(cid))
    if (place === undefined) return undefined
    const block = Buffer.alloc(place.length)
    await handle.read(block, 0, place.length, place.offset)
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
      const block = await get(cid)
      return block === undefined ? undefined : linksOf(cid, block)
    },
    async append(cid, block) {
      if (places.has(keyOf(cid))) return
      await handle.appendFile(Buffer.concat([encodeCarSection(cid, block.length), block]))
      note(cid, block.length)
    },
    close: () => handle.close(),
  }
}

async function beginsWith(handle: FileHandle, header: Uint8Array): Promise<boolean> {
  const found = Buffer.alloc(header.length)
  const { bytesRead } = await handle.read(found, 0, found.length, 0)
  return bytesRead === header.length && found.equals(header)
}

async function readGoodBlocks(file: string, note: (cid: CID, length: number) => void): Promise<void> {
  try {
    for await (const { cid, block } of readCar(createReadStream(file, { highWaterMark: 262_144 })))
      note(cid, block.length)
  } catch (error) {
    if (!isBacalhauError(error)) throw error
  }
}
