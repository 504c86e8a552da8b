import { lstat, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { BacalhauError } from '../runtime/error.ts'
import { unpack, type UnpackOptions } from './unpack.ts'

/**
 * Unpacks an archive and keeps of it what is at `inner`, the whole folder if that is empty, as `target`, which must not exist.
 * No link on the way is followed. Throws `NotFound` when there is nothing, and leaves nothing behind when it throws.
 */
export async function unpackPart(
  archive: AsyncIterable<Uint8Array>,
  target: string,
  inner: string,
  options: UnpackOptions,
): Promise<{ readonly kind: 'file' | 'folder'; readonly bytes: number }> {
  const whole = `${target}.whole`
  try {
    await unpack(archive, whole, options)
    const wanted = await findIn(whole, inner)
    await rename(wanted, target)
    return await measured(target)
  } finally {
    await rm(whole, { recursive: true, force: true })
  }
}

async function findIn(folder: string, inner: string): Promise<string> {
  let [at, isFolder] = [folder, true]
  for (const name of inner.split('/').filter((name) => !['', '.', '..'].includes(name))) {
    at = path.join(at, name)
    const found = isFolder ? await lstat(at).catch(() => undefined) : undefined
    if (found === undefined || found.isSymbolicLink())
      throw new BacalhauError('NotFound', `the results have no "${inner}"`)
    isFolder = found.isDirectory()
  }
  return at
}

async function measured(place: string): Promise<{ readonly kind: 'file' | 'folder'; readonly bytes: number }> {
  const found = await lstat(place)
  if (!found.isDirectory()) return { kind: 'file', bytes: found.size }
  let bytes = 0
  for (const entry of await readdir(place, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += (await lstat(path.join(entry.parentPath, entry.name))).size
  }
  return { kind: 'folder', bytes }
}
