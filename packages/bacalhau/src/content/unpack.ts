import { mkdir, open, symlink } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { TreeEntry } from './add-tree.ts'
import { tarEntries } from './tar-entries.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'
import { steps } from '../runtime/turn.ts'
import { writeSmallFile } from './small-file.ts'

export interface UnpackOptions {
  /** Bytes that the archive may have unpacked, and files and folders in it. */
  readonly maxBytes: number
  readonly maxFiles: number
  readonly signal: AbortSignal
}

/**
 * Unpacks a gzipped tar archive of a stranger into `folder`, which is made. Only into folders that this call itself has made
 * does it write, so that no link of the archive is ever written through. Throws `ContentInvalid`, `ContentTooLarge` or
 * `DiskFull`; what was written stays then.
 */
export async function unpack(
  archive: AsyncIterable<Uint8Array>,
  folder: string,
  { maxBytes, maxFiles, signal }: UnpackOptions,
): Promise<void> {
  const made = new Map<string, 'folder' | 'leaf'>()
  const step = steps()
  await mkdir(folder)
  try {
    for await (const entry of tarEntries(gunzip(archive, maxBytes, signal))) {
      signal.throwIfAborted()
      await place(entry, folder, made)
      const pause = step()
      if (pause !== undefined) await pause
      if (made.size > maxFiles) throw new BacalhauError('ContentTooLarge', `it has more than ${maxFiles} files`)
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (systemCode(cause) === 'ENOSPC') throw new BacalhauError('DiskFull', 'The disk is full.', { cause })
    const code = isBacalhauError(cause) && cause.code === 'ContentTooLarge' ? cause.code : 'ContentInvalid'
    throw new BacalhauError(code, `the archive cannot be unpacked: ${messageOf(cause)}`, { cause })
  }
}

async function* gunzip(
  archive: AsyncIterable<Uint8Array>,
  maxBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const unzipped = createGunzip({ chunkSize: 256 * 1024 })
  // Whoever reads gets the error.
  pipeline(Readable.from(archive, { objectMode: false }), unzipped, { signal }).catch(() => undefined)
  let bytes = 0
  for await (const chunk of unzipped as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > maxBytes) throw new BacalhauError('ContentTooLarge', `unpacked it has more than ${maxBytes} bytes`)
    yield chunk
  }
}

async function place(entry: TreeEntry, root: string, made: Map<string, 'folder' | 'leaf'>): Promise<void> {
  const names = entry.path.split('/').filter((name) => name !== '' && name !== '.')
  const leaves = entry.path.startsWith('/') || names.some((name) => name === '..' || name.includes('\0'))
  if (leaves) throw misplaced(entry, 'leaves the folder')
  const isFolder = entry.content === undefined && entry.link === undefined
  await makeFolders(isFolder ? names : names.slice(0, -1), entry, root, made)
  if (isFolder) return
  const relative = names.join('/')
  if (relative === '' || made.has(relative)) throw misplaced(entry, 'is there twice')
  made.set(relative, 'leaf')
  const target = path.join(root, ...names)
  if (entry.link !== undefined) await symlink(entry.link, target)
  else if (entry.bytes !== undefined) writeSmallFile(target, entry.bytes)
  else if (entry.content !== undefined) await writeFile(target, entry.content)
}

async function makeFolders(
  names: readonly string[],
  entry: TreeEntry,
  root: string,
  made: Map<string, 'folder' | 'leaf'>,
): Promise<void> {
  for (let depth = 1; depth <= names.length; depth += 1) {
    const relative = names.slice(0, depth).join('/')
    const present = made.get(relative)
    if (present === 'leaf') throw misplaced(entry, `needs "${relative}" to be a folder, but that is none`)
    if (present === undefined) await mkdir(path.join(root, relative))
    made.set(relative, 'folder')
  }
}

async function writeFile(target: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(target, 'wx', 0o644)
  try {
    for await (const chunk of content) await handle.appendFile(chunk)
  } finally {
    await handle.close()
  }
}

const misplaced = ({ path }: TreeEntry, why: string) =>
  new Error(`the entry ${JSON.stringify(path.slice(0, 300))} ${why}`)
