import { constants, type FileHandle, open, readdir, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import type { TarPackController } from 'modern-tar'
import { BacalhauError } from '../runtime/error.ts'

/** The same folder gives the same archive: times, owners and modes are no part of a CID. */
const mtime = new Date(0)

/** Files up to this size are read in one piece, which is what most of the time for a small one depends on. Bytes. */
const SMALL = 1024 * 1024

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
  const { createTarPacker } = await import('modern-tar')
  const { readable, controller } = createTarPacker()
  const packed = packEntries(controller, folder, '', options).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  )
  yield* readable
  await packed
}

async function packEntries(
  archive: TarPackController,
  folder: string,
  prefix: string,
  options: PackOptions,
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const [file, name] = [path.join(folder, entry.name), `${prefix}${entry.name}`]
    if (entry.isDirectory()) {
      await archive.add({ name: `${name}/`, type: 'directory', size: 0, mtime }).close()
      await packEntries(archive, file, `${name}/`, options)
    } else if (entry.isSymbolicLink()) {
      const linkname = await readlink(file)
      if (options.keepsLink?.(linkname, name) === false) continue
      await archive.add({ name, type: 'symlink', linkname, size: 0, mtime }).close()
    } else if (entry.isFile()) {
      await packFile(archive, file, name, options.onBytes ?? (() => undefined))
    } else {
      throw new BacalhauError('InputFailed', `${file} is neither a file, a folder nor a symbolic link`)
    }
  }
}

async function packFile(
  archive: TarPackController,
  file: string,
  name: string,
  onBytes: (count: number) => void,
): Promise<void> {
  // What was a file a moment ago may be a link or a pipe by now.
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { size } = await handle.stat()
    const writer = archive.add({ name, type: 'file', size, mtime }).getWriter()
    let sent = 0
    for await (const chunk of chunksOf(handle, size)) {
      sent += chunk.length
      if (sent > size) break
      await writer.write(chunk)
      onBytes(chunk.length)
    }
    if (sent !== size) throw new BacalhauError('InputFailed', `${file} changed while it was read`)
    await writer.close()
  } finally {
    await handle.close()
  }
}

/** One byte more than expected shows that the file has grown. */
async function* chunksOf(handle: FileHandle, size: number): AsyncGenerator<Uint8Array> {
  if (size > SMALL) {
    yield* handle.createReadStream({
      end: size,
      autoClose: false,
      highWaterMark: SMALL / 4,
    }) as AsyncIterable<Uint8Array>
    return
  }
  const buffer = Buffer.allocUnsafeSlow(size + 1)
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0)
  if (bytesRead > 0) yield buffer.subarray(0, bytesRead)
}

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
