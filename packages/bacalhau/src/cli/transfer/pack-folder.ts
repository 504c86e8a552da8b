import { open, readdir, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import { createTarPacker, type TarPackController } from 'modern-tar'
import { BacalhauError } from '../../runtime/error.ts'

/** The same folder gives the same archive: times, owners and modes are no part of a CID. */
const mtime = new Date(0)

/**
 * A folder as a tar stream: files, folders and symbolic links, in the order of their names. Throws `InputFailed` for what
 * cannot be sent (sockets, devices) and for a file that changes its size meanwhile.
 */
export async function* packFolder(
  folder: string,
  onBytes: (count: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const { readable, controller } = createTarPacker()
  const packed = packEntries(controller, folder, '', onBytes).then(
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
  onBytes: (count: number) => void,
): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true })
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const [file, name] = [path.join(folder, entry.name), `${prefix}${entry.name}`]
    if (entry.isDirectory()) {
      await archive.add({ name: `${name}/`, type: 'directory', size: 0, mtime }).close()
      await packEntries(archive, file, `${name}/`, onBytes)
    } else if (entry.isSymbolicLink()) {
      await archive.add({ name, type: 'symlink', linkname: await readlink(file), size: 0, mtime }).close()
    } else if (entry.isFile()) {
      await packFile(archive, file, name, onBytes)
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
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const writer = archive.add({ name, type: 'file', size, mtime }).getWriter()
    let sent = 0
    // One byte more than expected shows that the file has grown.
    for await (const chunk of handle.createReadStream({ end: size, autoClose: false })) {
      const bytes = chunk as Uint8Array
      sent += bytes.length
      if (sent > size) break
      await writer.write(bytes)
      onBytes(bytes.length)
    }
    if (sent !== size) throw new BacalhauError('InputFailed', `${file} changed while it was read`)
    await writer.close()
  } finally {
    await handle.close()
  }
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
