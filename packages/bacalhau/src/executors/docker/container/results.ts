import { constants, link, mkdir, open, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { ParsedTarEntry } from 'modern-tar'
import { leadsInside } from '../../../content/export.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../../runtime/error.ts'
import type { Mount } from '../../executor.ts'
import { printable, size } from '../../wasm/failure.ts'
import { ReadableStream } from 'node:stream/web'

/** What a job may leave in all its result folders together. */
export interface ResultBounds {
  bytes: number
  files: number
}

const MAX_PATH = 4_096

/**
 * The folders to which a job writes, as an archive that makes them in a container before it begins: empty, and open to whatever
 * user the image has.
 */
export async function emptyFolders(paths: readonly string[]): Promise<Uint8Array> {
  const { packTar } = await import('modern-tar')
  const entries = paths.map((folder) => ({
    header: {
      name: `${folder.replace(/^\/+/, '').replace(/\/+$/, '')}/`,
      type: 'directory' as const,
      mode: 0o777,
      size: 0,
    },
  }))
  return packTar(entries)
}

/**
 * Copies what a job has left in a result folder, a tar stream of the engine, into `mount.hostPath`, which is empty. Nothing of it
 * is believed: files and folders are made anew, owned by this process, without any of their rights but "can be executed"; a
 * link is kept if it leads to something inside; devices, pipes and sockets are left out. Takes from `left` what it uses;
 * throws `DiskLimit` or `FileLimit` when that does not suffice, and what was copied until then stays.
 */
export async function copyResults(
  archive: AsyncIterable<Uint8Array>,
  { hostPath }: Pick<Mount, 'hostPath'>,
  left: ResultBounds,
): Promise<void> {
  const { createTarDecoder } = await import('modern-tar')
  const entries = ReadableStream.from(archive).pipeThrough(createTarDecoder({ strict: true }))
  const small = createSmallFiles()
  let top: string | undefined
  try {
    for await (const entry of entries as unknown as AsyncIterable<ParsedTarEntry>) {
      const names = namesOf(entry.header.name)
      // The folder itself comes first, and everything else below it. A result path that is a file is taken as one.
      top ??= names[0] ?? ''
      const inside = names.slice(1)
      if (inside.length > 0) await place(entry, inside, { root: hostPath, top, left, small })
      else if (entry.header.type === 'file') await place(entry, [top], { root: hostPath, top, left, small })
      if (!entry.body.locked) await entry.body.cancel()
    }
    await small.settled()
  } catch (error) {
    await small.settled().catch(() => undefined)
    if (isBacalhauError(error) || systemCode(error)?.startsWith('E') === true) throw error
    throw new BacalhauError('EngineFailed', `the results could not be read: ${messageOf(error)}`, { cause: error })
  }
}

function namesOf(name: string): string[] {
  const names = name.split('/').filter((part) => part !== '' && part !== '.')
  if (name.length > MAX_PATH || names.some((part) => part === '..' || part.includes('\0'))) {
    throw new BacalhauError(
      'EngineFailed',
      `the results hold a name that leads out of their folder: ${printable(name)}`,
    )
  }
  return names
}

interface Target {
  readonly root: string
  readonly top: string
  readonly left: ResultBounds
  readonly small: SmallFiles
}

/** Small files are written side by side, since each takes several waits for the disk. */
interface SmallFiles {
  add(write: () => Promise<void>): Promise<void>
  /** All of them are there. Throws the first error. */
  settled(): Promise<void>
}

const SMALL = 64 * 1024
const SIDE_BY_SIDE = 16

function createSmallFiles(): SmallFiles {
  const writing = new Set<Promise<void>>()
  const failures: unknown[] = []
  return {
    async add(write) {
      if (writing.size >= SIDE_BY_SIDE) await Promise.race(writing)
      const one: Promise<void> = write()
        .catch((error: unknown) => void failures.push(error))
        .finally(() => writing.delete(one))
      writing.add(one)
    },
    async settled() {
      await Promise.all(writing)
      if (failures.length > 0) throw failures[0]
    },
  }
}

async function place({ header, body }: ParsedTarEntry, names: readonly string[], target: Target): Promise<void> {
  const file = path.join(target.root, ...names)
  const relative = names.join('/')
  if (header.type !== 'file' && header.type !== 'directory' && header.type !== 'symlink' && header.type !== 'link')
    return
  target.left.files -= 1
  if (target.left.files < 0) {
    throw new BacalhauError('FileLimit', 'the job left more files and folders in its result folders than are allowed')
  }
  switch (header.type) {
    case 'directory':
      await mkdir(file, { mode: 0o700 })
      return
    case 'file': {
      const mode = (header.mode ?? 0) & 0o111 ? 0o700 : 0o600
      return header.size > SMALL ? writeLarge(file, body, mode, target) : writeSmall(file, body, mode, target)
    }
    case 'symlink':
      if (leadsInside(header.linkname ?? '', relative)) await symlink(header.linkname ?? '', file)
      return
    case 'link': {
      // A second name of a file that came before. Its first name is inside, or not in the archive.
      const [first, ...others] = namesOf(header.linkname ?? '')
      await target.small.settled()
      if (first === target.top && others.length > 0) await link(path.join(target.root, ...others), file)
    }
  }
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

async function writeSmall(file: string, body: AsyncIterable<Uint8Array>, mode: number, target: Target): Promise<void> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) {
    spend(chunk.length, target)
    chunks.push(chunk)
  }
  const bytes = Buffer.concat(chunks)
  await target.small.add(() => writeFile(file, bytes, { flag: CREATE, mode }))
}

async function writeLarge(file: string, body: AsyncIterable<Uint8Array>, mode: number, target: Target): Promise<void> {
  const handle = await open(file, CREATE, mode)
  try {
    for await (const chunk of body) {
      spend(chunk.length, target)
      await handle.appendFile(chunk)
    }
  } catch (error) {
    // Half a file would look like a whole one.
    await rm(file, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

function spend(bytes: number, { left }: Target): void {
  if (bytes > left.bytes) {
    const words = `the job left more in its result folders than it may: there was room for ${size(left.bytes)} more`
    throw new BacalhauError('DiskLimit', words)
  }
  left.bytes -= bytes
}
