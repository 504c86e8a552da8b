import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../../runtime/error.ts'
import { writeAll } from '../write-behind.ts'
import { NO_HEAD } from './block-source.ts'

/**
 * Files that hold the blocks of one large batch back to back, nothing else; the index knows where each block lies. A pack
 * counts once the index knows it: whatever else is in the folder is left over from a crash and goes at the next start.
 */
export interface Packs {
  create(): Promise<PackWriter>
  /**
   * `head`, and after it in the same piece of memory the bytes at `offset`; fewer when the file is shorter; undefined when
   * there is no such pack.
   */
  read(pack: number, offset: number, length: number, head?: Uint8Array): Promise<Uint8Array | undefined>
  remove(pack: number): Promise<void>
  stop(): Promise<void>
}

export interface PackWriter {
  readonly id: number
  append(chunks: readonly Uint8Array[]): Promise<void>
  /** Reads back what was appended. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Resolves when everything is on the disk for good. */
  finish(): Promise<void>
  discard(): Promise<void>
}

/** How files are opened; replaced only by tests, to run out of disk space on demand. */
export type OpenFile = typeof open

/** Handles kept open for reading. */
const MAX_OPEN = 32

export async function openPacks(folder: string, known: readonly number[], openFile: OpenFile = open): Promise<Packs> {
  await mkdir(folder, { recursive: true })
  await removeUnknown(folder, new Set(known.map(nameOf)))
  let lastId = Math.max(0, ...known)
  const handles = createHandles((pack) => openFile(path.join(folder, nameOf(pack)), 'r'))
  const ahead = createReadAhead()
  return {
    create: () => createPack(folder, (lastId += 1), openFile),
    read: (pack, offset, length, head) =>
      handles.use(pack, (handle) => ahead.read(handle, { pack, offset, length }, head)),
    async remove(pack) {
      ahead.forget(pack)
      await handles.close(pack)
      await unlink(path.join(folder, nameOf(pack))).catch(ignoreMissing)
    },
    stop: () => handles.closeAll(),
  }
}

const nameOf = (pack: number) => `${pack}.pack`

async function removeUnknown(folder: string, known: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder)) if (!known.has(name)) await unlink(path.join(folder, name))
}

async function createPack(folder: string, id: number, openFile: OpenFile): Promise<PackWriter> {
  const file = path.join(folder, nameOf(id))
  const handle = await openFile(file, 'wx+', 0o600)
  return {
    id,
    append: (chunks) => writeAll(handle, chunks),
    read: (offset, length) => readAt(handle, offset, length),
    async finish() {
      await handle.datasync()
      await handle.close()
      await syncFolder(folder)
    },
    async discard() {
      await handle.close()
      await unlink(file).catch(ignoreMissing)
    },
  }
}

async function readAt(
  handle: FileHandle,
  offset: number,
  length: number,
  head: Uint8Array = NO_HEAD,
): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(head.length + length)
  buffer.set(head)
  const { bytesRead } = await handle.read(buffer, head.length, length, offset)
  return buffer.subarray(0, head.length + bytesRead)
}

/** Blocks below this size are worth reading many at a time; how many bytes that is. */
const [SMALL_BLOCK, WINDOW] = [16 * 1024, 256 * 1024]

/**
 * Reads small blocks with their neighbours: whoever reads the small files of a folder comes to those next. That begins when two
 * reads in a row are near each other. One window is kept. What is in a pack never changes.
 */
function createReadAhead() {
  let near = ''
  let window: { readonly place: string; readonly bytes: Promise<Uint8Array> } | undefined
  return {
    async read(
      handle: FileHandle,
      { pack, offset, length }: { readonly pack: number; readonly offset: number; readonly length: number },
      head: Uint8Array = NO_HEAD,
    ): Promise<Uint8Array> {
      const start = Math.floor(offset / WINDOW) * WINDOW
      const place = `${pack}/${start}`
      const isNear = near === place && length < SMALL_BLOCK
      near = place
      if (window?.place !== place && isNear) window = { place, bytes: readAt(handle, start, WINDOW + SMALL_BLOCK) }
      if (window?.place !== place || length >= SMALL_BLOCK) return readAt(handle, offset, length, head)
      const reading = window.bytes
      const bytes = await reading.catch(() => {
        window = undefined
        return new Uint8Array()
      })
      const block = bytes.subarray(offset - start, offset - start + length)
      if (block.length < length) return readAt(handle, offset, length, head)
      // A copy: a block that somebody keeps must not keep all of the window.
      const copy = Buffer.allocUnsafe(head.length + length)
      copy.set(head)
      copy.set(block, head.length)
      return copy
    },
    forget(pack: number): void {
      if (window?.place.startsWith(`${pack}/`) === true) window = undefined
    },
  }
}

/** Makes the names of new files survive a power failure. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return // has no such operation, and needs none
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Keeps the handles that were used last. */
function createHandles(openPack: (pack: number) => Promise<FileHandle>) {
  const handles = new Map<number, Promise<FileHandle>>()

  async function close(pack: number): Promise<void> {
    const handle = handles.get(pack)
    handles.delete(pack)
    // Waits for reads under way. A handle that never opened has nothing to close.
    await handle?.then((opened) => opened.close()).catch(() => {})
  }

  function acquire(pack: number): Promise<FileHandle> {
    const handle = handles.get(pack) ?? openPack(pack)
    handles.delete(pack)
    handles.set(pack, handle) // now the youngest
    handle.catch(() => handles.delete(pack))
    return handle
  }

  return {
    close,
    async use<T>(pack: number, work: (handle: FileHandle) => Promise<T>): Promise<T | undefined> {
      const [oldest] = handles.keys()
      if (oldest !== undefined && handles.size >= MAX_OPEN && !handles.has(pack)) void close(oldest)
      try {
        return await work(await acquire(pack))
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined
        // Closed between our getting the handle and using it: open it anew.
        if (systemCode(error) === 'EBADF') return work(await acquire(pack))
        throw error
      }
    },
    async closeAll() {
      await Promise.all([...handles.keys()].map(close))
    },
  }
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error
}
