import { mkdir, open, symlink } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { TreeEntry } from '../../content/add-tree.ts'
import { tarEntries } from '../../content/tar-entries.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** What an archive may become: no more than this for each byte of it, though always a little. */
const MAX_RATIO = 200
const ALWAYS_ALLOWED = 16 * 1024 * 1024

/**
 * Unpacks a gzipped tar archive of a stranger into `folder`, which is made. Only into folders that this call itself has made
 * does it write, so that no link of the archive is ever written through. Throws `InputFailed`.
 */
export async function unpack(archive: Uint8Array, folder: string, signal: AbortSignal): Promise<void> {
  const bound = Math.min(LIMITS.inlineUnpacked, Math.max(ALWAYS_ALLOWED, archive.length * MAX_RATIO))
  const made = new Map<string, 'folder' | 'leaf'>()
  await mkdir(folder)
  try {
    for await (const entry of tarEntries(gunzip(archive, bound))) {
      signal.throwIfAborted()
      await place(entry, folder, made)
      if (made.size > LIMITS.executionFiles) throw failed(`it has more than ${LIMITS.executionFiles} files`)
    }
  } catch (cause) {
    signal.throwIfAborted()
    if (systemCode(cause) === 'ENOSPC') throw new BacalhauError('DiskFull', 'The disk is full.', { cause })
    throw isBacalhauError(cause) && cause.code === 'InputFailed' ? cause : failed(messageOf(cause), cause)
  }
}

async function* gunzip(archive: Uint8Array, bound: number): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of Readable.from([archive]).pipe(createGunzip()) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > bound) throw failed(`unpacked it has more than ${bound} bytes`)
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

const misplaced = ({ path }: TreeEntry, why: string) => failed(`the entry ${JSON.stringify(path.slice(0, 300))} ${why}`)

function failed(why: string, cause?: unknown): BacalhauError {
  return new BacalhauError('InputFailed', `the archive of an inline input cannot be unpacked: ${why}`, { cause })
}
