import { lstat, mkdir, open, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import type { CID } from 'multiformats/cid'
import { BacalhauError, systemCode } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Random } from '../runtime/random.ts'
import { steps } from '../runtime/turn.ts'
import { diskFull } from './blocks/block-index.ts'
import type { BlockSource } from './blocks/block-source.ts'
import { linksIn, readFile, statOf } from './read.ts'
import { writeSmallFile } from './small-file.ts'
import { nodeAt } from './selection.ts'
import { createWriteBehind } from './write-behind.ts'

export interface ExportOptions {
  /** Bounds; `LIMITS.contentBytes` and `LIMITS.contentFiles` if not given. */
  readonly maxBytes?: number
  readonly maxFiles?: number
  readonly signal?: AbortSignal
}

interface Settling {
  /** What is still to come when all is written, before `target` may be there. */
  readonly settled?: () => Promise<void>
}

export interface Exported {
  readonly kind: 'file' | 'folder'
  readonly bytes: number
  readonly files: number
  /** Links that were left out because they lead outside of the folder. Paths relative to it. */
  readonly skippedLinks: readonly string[]
}

interface Progress {
  readonly source: BlockSource
  readonly maxBytes: number
  readonly maxFiles: number
  readonly signal: AbortSignal | undefined
  readonly step: () => Promise<void> | undefined
  bytes: number
  files: number
  /** Files, folders and links. */
  entries: number
  readonly skippedLinks: string[]
}

/**
 * Writes the file or folder `cid` to `target`, which must not exist. It is written under another name beside it first, so
 * that `target` is there only when it is complete. Names and links are those of a stranger: no name leaves its folder, and a
 * link is made only if it leads to something inside. Throws `Conflict`, `ContentInvalid`, `ContentTooLarge`, `DiskFull`.
 */
export async function exportTo(
  target: string,
  cid: CID,
  source: BlockSource,
  random: Random,
  options: ExportOptions & Settling = {},
): Promise<Exported> {
  const { maxBytes = LIMITS.contentBytes, maxFiles = LIMITS.contentFiles, signal, settled } = options
  const counts = { bytes: 0, files: 0, entries: 0 }
  const progress: Progress = { source, maxBytes, maxFiles, signal, step: steps(), ...counts, skippedLinks: [] }
  const { kind } = await statOf(cid, source)
  if (kind === 'symlink')
    throw new BacalhauError('BadRequest', `${cid.toString()} is a symbolic link, not a file or folder.`)
  const partial = `${target}.partial-${Buffer.from(random.bytes(6)).toString('hex')}`
  try {
    await (kind === 'file' ? writeFile(partial, cid, progress) : writeFolder(partial, cid, '', progress))
    await settled?.()
    await moveInto(partial, target)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw diskFull(error) ?? error
  }
  return { kind, bytes: progress.bytes, files: progress.files, skippedLinks: progress.skippedLinks }
}

async function moveInto(partial: string, target: string): Promise<void> {
  const existing = await lstat(target).catch(() => undefined)
  if (existing !== undefined) throw new BacalhauError('Conflict', `${target} exists already.`)
  await rename(partial, target)
}

async function writeFolder(folder: string, cid: CID, relative: string, progress: Progress): Promise<void> {
  await mkdir(folder)
  for await (const link of linksIn(cid, progress.source)) {
    progress.signal?.throwIfAborted()
    checkName(link.name)
    await writeEntry(path.join(folder, link.name), link.cid, path.posix.join(relative, link.name), progress)
    const pause = progress.step()
    if (pause !== undefined) await pause
  }
}

async function writeEntry(file: string, cid: CID, relative: string, progress: Progress): Promise<void> {
  const node = await nodeAt(cid, progress.source)
  count(progress, { entries: 1 })
  try {
    if (node.kind === 'file' && node.parts.length === 0) writeWhole(file, node.data, progress)
    else if (node.kind === 'file') await writeFile(file, cid, progress)
    else if (node.kind === 'symlink') await writeLink(file, node.target, relative, progress)
    else await writeFolder(file, cid, relative, progress)
  } catch (cause) {
    const code = systemCode(cause)
    const why = code === 'EEXIST' ? 'is there twice' : code === 'ENAMETOOLONG' ? 'lies too deep' : undefined
    if (why === undefined) throw cause
    throw new BacalhauError('ContentInvalid', `The entry ${JSON.stringify(relative.slice(-300))} ${why}.`, { cause })
  }
}

/** A file that is one block. */
function writeWhole(file: string, data: Uint8Array, progress: Progress): void {
  count(progress, { bytes: data.length, files: 1 })
  writeSmallFile(file, data)
}

async function writeFile(file: string, cid: CID, progress: Progress): Promise<void> {
  const handle = await open(file, 'wx', 0o644)
  count(progress, { files: 1 })
  try {
    const writing = createWriteBehind(handle)
    for await (const chunk of readFile(cid, progress.source)) {
      progress.signal?.throwIfAborted()
      count(progress, { bytes: chunk.length })
      await writing.add(chunk)
    }
    await writing.finish()
  } finally {
    await handle.close()
  }
}

function count(progress: Progress, { bytes = 0, files = 0, entries = 0 }): void {
  progress.bytes += bytes
  progress.files += files
  progress.entries += entries
  if (progress.bytes > progress.maxBytes || progress.entries > progress.maxFiles) {
    const bound = `${progress.maxBytes} bytes and ${progress.maxFiles} files`
    throw new BacalhauError('ContentTooLarge', `The content is larger than allowed here: ${bound}.`)
  }
}

const MAX_NAME_BYTES = 255

function checkName(name: string): void {
  // `basename` knows the separators of this platform.
  const plain = name !== '' && name !== '.' && name !== '..' && !name.includes('\0') && path.basename(name) === name
  if (plain && Buffer.byteLength(name) <= MAX_NAME_BYTES) return
  throw new BacalhauError('ContentInvalid', `A folder has an entry named ${JSON.stringify(name.slice(0, 300))}.`)
}

async function writeLink(file: string, target: string, relative: string, progress: Progress): Promise<void> {
  progress.files += 1
  if (leadsInside(target, relative)) await symlink(target, file)
  else progress.skippedLinks.push(relative)
}

const MAX_LINK_BYTES = 1_024

/**
 * Does a link at `relative` stay within the folder wherever it is followed to? Only `..` at its very start may go up: there
 * it goes up from a real folder, while after a name it would go up from wherever another link may have led.
 */
export function leadsInside(target: string, relative: string): boolean {
  if (target === '' || Buffer.byteLength(target) > MAX_LINK_BYTES || target.includes('\0')) return false
  if (path.isAbsolute(target) || target.startsWith('/')) return false
  const steps = target.split(/[/\\]/).filter((step) => step !== '' && step !== '.')
  const firstName = steps.findIndex((step) => step !== '..')
  const ups = firstName === -1 ? steps.length : firstName
  const depth = relative.split('/').filter((name) => name !== '' && name !== '.').length - 1
  return ups <= depth && !steps.slice(ups).includes('..')
}
