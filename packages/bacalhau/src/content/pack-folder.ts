import { type Dirent, statSync } from 'node:fs'
import { constants, open, readdir, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../runtime/error.ts'
import { steps } from '../runtime/turn.ts'
import { readSmallFile, SMALL_FILE } from './small-file.ts'
import { padding, tarEnd, tarHeader } from './tar-header.ts'

/** What is handed on is gathered to about this size. Bytes. */
const PIECE = 256 * 1024

export interface PackOptions {
  /** Told how many bytes more of the files are in the archive. */
  readonly onBytes?: (count: number) => void
  /** Which symbolic links are put in, by what they point to and their own path; all if not given. */
  readonly keepsLink?: (target: string, name: string) => boolean
}

interface Packing extends PackOptions {
  readonly piece: Piece
  readonly step: () => Promise<void> | undefined
}

/**
 * A folder as a tar stream: files, folders and symbolic links, in the order of their names. No link is followed. Throws
 * `InputFailed` for what cannot be sent (sockets, devices) and for a file that changes its size meanwhile.
 */
export async function* packFolder(folder: string, options: PackOptions = {}): AsyncGenerator<Uint8Array> {
  const piece = createPiece()
  yield* packEntries(folder, '', { ...options, piece, step: steps() })
  piece.add(tarEnd())
  yield piece.take()
}

async function* packEntries(folder: string, prefix: string, packing: Packing): AsyncGenerator<Uint8Array> {
  const { piece } = packing
  const entries = (await readdir(folder, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (const entry of entries) {
    const [file, name] = [path.join(folder, entry.name), `${prefix}${entry.name}`]
    if (entry.isDirectory()) {
      piece.add(tarHeader({ name: `${name}/`, type: 'folder', size: 0 }))
      yield* packEntries(file, `${name}/`, packing)
    } else if (!entry.isFile()) {
      await packLink(file, name, entry, packing)
    } else if (!packSmall(file, name, packing)) {
      if (piece.size > 0) yield piece.take()
      yield* packLarge(file, name, packing)
    }
    if (piece.size >= PIECE) yield piece.take()
    // Not awaited where there is nothing to wait for.
    const pause = packing.step()
    if (pause !== undefined) await pause
  }
}

async function packLink(file: string, name: string, entry: Dirent, { piece, keepsLink }: Packing): Promise<void> {
  if (!entry.isSymbolicLink()) {
    throw new BacalhauError('InputFailed', `${file} is neither a file, a folder nor a symbolic link`)
  }
  const target = await readlink(file)
  if (keepsLink?.(target, name) ?? true) piece.add(tarHeader({ name, type: 'link', size: 0, target }))
}

/** False for a file that is not small. */
function packSmall(file: string, name: string, { piece, onBytes }: Packing): boolean {
  const bytes = readSmallFile(file)
  if (bytes === undefined) return false
  piece.add(tarHeader({ name, type: 'file', size: bytes.length }))
  piece.add(bytes)
  piece.add(padding(bytes.length))
  onBytes?.(bytes.length)
  return true
}

async function* packLarge(file: string, name: string, { onBytes }: Packing): AsyncGenerator<Uint8Array> {
  // What was a file a moment ago may be a link or a pipe by now.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { size } = await handle.stat()
    yield tarHeader({ name, type: 'file', size })
    let sent = 0
    const chunks = handle.createReadStream({ end: size, autoClose: false, highWaterMark: PIECE })
    for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
      sent += chunk.length
      if (sent > size) break
      yield chunk
      onBytes?.(chunk.length)
    }
    if (sent !== size) throw new BacalhauError('InputFailed', `${file} changed while it was read`)
    yield padding(size)
  } finally {
    await handle.close()
  }
}

/** Gathers what is small, in one piece of memory. */
interface Piece {
  readonly size: number
  add(bytes: Uint8Array): void
  /** What was gathered; the next piece begins. */
  take(): Uint8Array
}

function createPiece(): Piece {
  // Two more files fit than make it full.
  let memory = Buffer.allocUnsafe(PIECE + 2 * SMALL_FILE)
  let size = 0
  return {
    get size() {
      return size
    },
    add(bytes) {
      if (size + bytes.length > memory.length) {
        memory = Buffer.concat([memory.subarray(0, size)], 2 * (size + bytes.length))
      }
      memory.set(bytes, size)
      size += bytes.length
    },
    take() {
      const taken = memory.subarray(0, size)
      memory = Buffer.allocUnsafe(PIECE + 2 * SMALL_FILE)
      size = 0
      return taken
    },
  }
}

/** Bytes of all files in a file or folder, for progress. */
export async function measure(file: string): Promise<number> {
  const entries = await readdir(file, { withFileTypes: true, recursive: true }).catch(() => undefined)
  if (entries === undefined) return (await stat(file)).size
  const step = steps()
  let total = 0
  for (const entry of entries) {
    if (entry.isFile()) total += statSync(path.join(entry.parentPath, entry.name)).size
    const pause = step()
    if (pause !== undefined) await pause
  }
  return total
}
