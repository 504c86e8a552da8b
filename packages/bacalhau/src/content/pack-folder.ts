import type { Dirent } from 'node:fs'
import { constants, type FileHandle, open, readdir, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../runtime/error.ts'
import { padding, tarEnd, tarHeader } from './tar-header.ts'

/** Files below this size are read in one piece, a few at the same time: most of the time for one is spent waiting. Bytes. */
const SMALL = 64 * 1024
const AT_ONCE = 16
/** What is handed on is gathered to about this size. Bytes. */
const PIECE = 256 * 1024

export interface PackOptions {
  /** Told how many bytes more of the files are in the archive. */
  readonly onBytes?: (count: number) => void
  /** Which symbolic links are put in, by what they point to and their own path; all if not given. */
  readonly keepsLink?: (target: string, name: string) => boolean
}

/**
 * A folder as a tar stream: files, folders and symbolic links, in the order of their names. No link is followed. Throws
 * `InputFailed` for what cannot be sent (sockets, devices) and for a file that changes its size meanwhile.
 */
export async function* packFolder(folder: string, options: PackOptions = {}): AsyncGenerator<Uint8Array> {
  let [waiting, size]: [Uint8Array[], number] = [[], 0]
  for await (const chunk of packEntries(folder, '', options)) {
    waiting.push(chunk)
    size += chunk.length
    if (size < PIECE) continue
    yield Buffer.concat(waiting)
    ;[waiting, size] = [[], 0]
  }
  yield Buffer.concat([...waiting, tarEnd()])
}

async function* packEntries(folder: string, prefix: string, options: PackOptions): AsyncGenerator<Uint8Array> {
  const entries = (await readdir(folder, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1))
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    const some = entries.slice(at, at + AT_ONCE)
    const begun = some.map((entry) => packEntry(folder, prefix, entry, options))
    // Whoever comes later must not fail unheard while an earlier one is waited for.
    const packed = await Promise.allSettled(begun)
    try {
      for (const [index, result] of packed.entries()) {
        if (result.status === 'rejected') throw result.reason
        yield result.value.head
        const { name } = some[index] ?? { name: '' }
        if (result.value.large !== undefined) yield* restOf(result.value.large, path.join(folder, name), options)
        else if (some[index]?.isDirectory() === true) {
          yield* packEntries(path.join(folder, name), `${prefix}${name}/`, options)
        }
      }
    } finally {
      const handles = packed.flatMap((result) =>
        result.status === 'fulfilled' ? (result.value.large?.handle ?? []) : [],
      )
      await Promise.all(handles.map((handle) => handle.close()))
    }
  }
}

/** A file that is not read yet. */
interface Large {
  readonly handle: FileHandle
  readonly size: number
}

/** What is in the archive of one entry: its header, and a small file itself. */
interface Packed {
  readonly head: Uint8Array
  readonly large?: Large
}

async function packEntry(folder: string, prefix: string, entry: Dirent, options: PackOptions): Promise<Packed> {
  const [file, name] = [path.join(folder, entry.name), `${prefix}${entry.name}`]
  if (entry.isDirectory()) return { head: tarHeader({ name: `${name}/`, type: 'folder', size: 0 }) }
  if (entry.isSymbolicLink()) {
    const target = await readlink(file)
    const keeps = options.keepsLink?.(target, name) ?? true
    return { head: keeps ? tarHeader({ name, type: 'link', size: 0, target }) : Buffer.alloc(0) }
  }
  if (entry.isFile()) return packFile(file, name, options)
  throw new BacalhauError('InputFailed', `${file} is neither a file, a folder nor a symbolic link`)
}

async function packFile(file: string, name: string, { onBytes }: PackOptions): Promise<Packed> {
  // What was a file a moment ago may be a link or a pipe by now.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  let keep = false
  try {
    // To read it is to know how long it is: one call less for each of many.
    const buffer = Buffer.allocUnsafe(SMALL)
    const { bytesRead } = await handle.read(buffer, 0, SMALL, 0)
    if (bytesRead === SMALL) {
      keep = true
      const { size } = await handle.stat()
      return { head: tarHeader({ name, type: 'file', size }), large: { handle, size } }
    }
    onBytes?.(bytesRead)
    const head = tarHeader({ name, type: 'file', size: bytesRead })
    return { head: Buffer.concat([head, buffer.subarray(0, bytesRead), padding(bytesRead)]) }
  } catch (error) {
    keep = false
    throw error
  } finally {
    if (!keep) await handle.close()
  }
}

async function* restOf({ handle, size }: Large, file: string, { onBytes }: PackOptions): AsyncGenerator<Uint8Array> {
  let sent = 0
  const chunks = handle.createReadStream({ end: size, autoClose: false, highWaterMark: PIECE })
  for await (const chunk of chunks as AsyncIterable<Uint8Array>) {
    sent += chunk.length
    if (sent > size) break
    yield chunk
    onBytes?.(chunk.length)
  }
  if (sent !== size) throw changed(file)
  yield padding(size)
}

const changed = (file: string): BacalhauError => new BacalhauError('InputFailed', `${file} changed while it was read`)

/** Bytes of all files in a file or folder, for progress. */
export async function measure(file: string): Promise<number> {
  const entries = await readdir(file, { withFileTypes: true, recursive: true }).catch(() => undefined)
  if (entries === undefined) return (await stat(file)).size
  let total = 0
  for (const entry of entries) {
    if (entry.isFile()) total += (await stat(path.join(entry.parentPath, entry.name))).size
  }
  return total
}
