import type { TarHeader, TarPackController } from 'modern-tar'
import type { DataEntry } from '@bacalhau/models'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { ApiContent, Lookup } from '../context.ts'

/** The same content gives the same archive. */
const mtime = new Date(0)

interface Packing extends Lookup {
  readonly content: ApiContent
  readonly archive: TarPackController
  entries: number
}

/** The file or folder at `path` as a tar stream in which everything lies under `name`. */
export async function* tarOf(
  content: ApiContent,
  path: string,
  { name, signal }: Lookup & { readonly name: string },
): AsyncGenerator<Uint8Array> {
  const { createTarPacker } = await import('modern-tar')
  const { readable, controller } = createTarPacker()
  const packing = { content, archive: controller, signal, entries: 0 }
  const packed = packRoot(packing, path, name).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  )
  yield* readable
  await packed
}

async function packRoot(packing: Packing, path: string, name: string): Promise<void> {
  const { CID, Type, Bytes, Target } = await packing.content.stat(path, packing)
  await pack(packing, { CID, Type, Bytes, Name: name, ...(Target === undefined ? {} : { Target }) }, path, name)
}

async function pack(
  packing: Packing,
  entry: DataEntry & { Target?: string },
  path: string,
  name: string,
): Promise<void> {
  packing.signal.throwIfAborted()
  packing.entries += 1
  if (packing.entries > LIMITS.uploadEntries) {
    throw new BacalhauError('ContentTooLarge', `the folder holds more than ${LIMITS.uploadEntries} entries`)
  }
  if (entry.Type === 'file') return packFile(packing, { name, size: entry.Bytes, type: 'file', mtime }, path)
  if (entry.Type === 'symlink') {
    const linkname = entry.Target ?? (await packing.content.stat(path, packing)).Target ?? ''
    return packing.archive.add({ name, size: 0, type: 'symlink', linkname, mtime }).close()
  }
  await packing.archive.add({ name: `${name}/`, size: 0, type: 'directory', mtime }).close()
  for (const child of await packing.content.list(path, packing)) {
    await pack(packing, child, `${path}/${child.Name}`, `${name}/${child.Name}`)
  }
}

async function packFile({ archive, content, signal }: Packing, header: TarHeader, path: string): Promise<void> {
  const writer = archive.add(header).getWriter()
  if (header.size > 0) for await (const chunk of content.read(path, { signal })) await writer.write(chunk)
  await writer.close()
}
