import type { Stats } from 'node:fs'
import { constants, type FileHandle, lstat, open, readdir, readlink, realpath } from 'node:fs/promises'
import path from 'node:path'
import type { CID } from 'multiformats/cid'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import type { BlockBatch } from './blocks/block-batch.ts'
import { readSmallFile } from './small-file.ts'
import { steps } from '../runtime/turn.ts'
import { buildDirectory, buildSymlink } from './unixfs/directory-builder.ts'
import { type Added, buildFile, type CidVersion, putLeaf } from './unixfs/file-builder.ts'
import type { NamedLink } from './unixfs/unixfs.ts'

export interface AddOptions {
  /** As in `ipfs add --cid-version`; 0 by default. */
  readonly cidVersion?: CidVersion
  /** Puts the file into a folder, under this name. */
  readonly wrap?: string
  readonly signal?: AbortSignal
}

export interface AddResult {
  readonly cid: CID
  /** Bytes of the files, without the overhead of the tree. */
  readonly bytes: number
  readonly files: number
}

/** What is being added to, and how much it was so far. */
export interface AddProgress {
  readonly version: CidVersion
  readonly batch: BlockBatch
  readonly signal: AbortSignal | undefined
  /** Asked after each of many files; see `steps`. */
  readonly step: () => Promise<void> | undefined
  bytes: number
  files: number
}

const READ_BYTES = 1024 * 1024
/** Files of /proc and the like do not say how long they are. */
const SMALLEST_READ = 512

/**
 * Adds a file, a folder with all that is in it, or a flow of bytes to `batch`; the CID is that of `ipfs add -r`. Links in a
 * folder are recorded as links and never followed; the path given may be one. Throws `BadRequest` for what cannot be read
 * and for sockets, pipes and devices.
 */
export async function addTo(
  batch: BlockBatch,
  source: string | AsyncIterable<Uint8Array>,
  { wrap, ...options }: AddOptions,
): Promise<AddResult> {
  if (wrap !== undefined && (/[/\0]/.test(wrap) || ['', '.', '..'].includes(wrap))) {
    throw new BacalhauError('BadRequest', `${JSON.stringify(wrap.slice(0, 300))} is not the name of a file.`)
  }
  const progress = startProgress(batch, options)
  const added = typeof source === 'string' ? await addRoot(source, progress) : await addStream(source, progress)
  const root = wrap === undefined ? added : await buildDirectory([{ name: wrap, ...added }], progress.version, batch)
  return { cid: root.cid, bytes: progress.bytes, files: progress.files }
}

export function startProgress(batch: BlockBatch, { cidVersion = 0, signal }: AddOptions): AddProgress {
  return { version: cidVersion, batch, signal, step: steps(), bytes: 0, files: 0 }
}

async function addRoot(given: string, progress: AddProgress): Promise<Added> {
  const root = await orUnreadable(given, realpath(given))
  const stats = await orUnreadable(given, lstat(root))
  return stats.isDirectory() ? addFolder(root, progress) : addFile(root, progress)
}

async function addFolder(folder: string, progress: AddProgress): Promise<Added> {
  const entries = await orUnreadable(folder, readdir(folder, { withFileTypes: true }))
  const links: NamedLink[] = []
  // Whoever reads the folder gets its entries in this order.
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name } = entry
    const file = path.join(folder, name)
    progress.signal?.throwIfAborted()
    const bytes = entry.isFile() ? readSmall(file) : undefined
    if (bytes !== undefined) links.push({ name, ...(await addSmall(bytes, progress)) })
    else links.push({ name, ...(await (entry.isDirectory() ? addFolder(file, progress) : addLeaf(file, progress))) })
    const pause = progress.step()
    if (pause !== undefined) await pause
  }
  return buildDirectory(links, progress.version, progress.batch)
}

async function addLeaf(file: string, progress: AddProgress): Promise<Added> {
  const stats = await orUnreadable(file, lstat(file))
  if (!stats.isSymbolicLink()) return addFile(file, progress)
  progress.files += 1
  return buildSymlink(await orUnreadable(file, readlink(file)), progress.version, progress.batch)
}

async function addFile(file: string, progress: AddProgress): Promise<Added> {
  // O_NOFOLLOW and O_NONBLOCK: what was a file a moment ago may by now be a link or a pipe.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await orUnreadable(file, open(file, flags))
  try {
    const stats = await handle.stat()
    if (!stats.isFile()) throw new BacalhauError('BadRequest', `${file} is ${kindOf(stats)}, which cannot be added.`)
    return await addStream(readChunks(handle, file, stats.size), progress)
  } finally {
    await handle.close()
  }
}

function readSmall(file: string): Uint8Array | undefined {
  try {
    return readSmallFile(file)
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

/** Adds one file of which all bytes are here. They are copied. */
export async function addSmall(bytes: Uint8Array, progress: AddProgress): Promise<Added> {
  progress.signal?.throwIfAborted()
  const { cid, treeSize } = await putLeaf(Buffer.from(bytes), progress.version, progress.batch)
  progress.bytes += bytes.length
  progress.files += 1
  return { cid, treeSize }
}

/** Adds one file from its bytes. */
export async function addStream(source: AsyncIterable<Uint8Array>, progress: AddProgress): Promise<Added> {
  const { cid, treeSize, bytes } = await buildFile(
    untilAborted(source, progress.signal),
    progress.version,
    progress.batch,
  )
  progress.bytes += bytes
  progress.files += 1
  return { cid, treeSize }
}

async function* untilAborted(source: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
  signal?.throwIfAborted()
  for await (const chunk of source) {
    signal?.throwIfAborted()
    yield chunk
  }
}

/** Reads to the end. The buffers are never used again, so that they may go into blocks as they are. */
async function* readChunks(handle: FileHandle, file: string, expected: number): AsyncGenerator<Uint8Array> {
  // One byte more than expected, so that a small file takes one read to the end and not a second one to find it.
  const length = Math.min(READ_BYTES, Math.max(expected + 1, SMALLEST_READ))
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(length)
    const { bytesRead } = await orUnreadable(file, handle.read(buffer, 0, length))
    if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
    if (bytesRead < length) return
  }
}

async function orUnreadable<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function unreadable(file: string, cause: unknown): BacalhauError {
  if (isBacalhauError(cause)) return cause
  const missing = systemCode(cause) === 'ENOENT'
  const why = missing ? 'there is no such file or folder' : messageOf(cause)
  return new BacalhauError('BadRequest', `${file} cannot be read: ${why}.`, { cause })
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder'
  if (stats.isFIFO()) return 'a pipe'
  if (stats.isSocket()) return 'a socket'
  return 'a device'
}
