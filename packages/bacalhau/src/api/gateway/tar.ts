import type { TarPackController } from 'modern-tar'
import type { CID } from 'multiformats/cid'
import type { Entry } from '../../content/content.ts'
import { decodeUnixfs } from '../../content/unixfs/unixfs.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { ApiContent } from '../context.ts'

/** The same content gives the same archive. */
const mtime = new Date(0)

interface Packing {
  readonly content: ApiContent
  readonly archive: TarPackController
  readonly signal: AbortSignal
  entries: number
}

/** The file or folder `cid` as a tar stream, in which everything lies under its CID, as Kubo's gateway does it. */
export async function* tarOf(content: ApiContent, cid: CID, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  // Loaded at the first download of a folder: most nodes never see one.
  const { createTarPacker } = await import('modern-tar')
  const { readable, controller } = createTarPacker()
  const root = await content.stat({ cid, path: [] }, { signal })
  const packing: Packing = { content, archive: controller, signal, entries: 0 }
  const packed = pack(packing, { ...root, name: cid.toString() }).then(
    () => controller.finalize(),
    (error: unknown) => controller.error(error),
  )
  yield* readable
  await packed
}

async function pack(packing: Packing, entry: Entry): Promise<void> {
  const { archive, content, signal } = packing
  const { name, cid, kind } = entry
  const ref = { cid, path: [] }
  signal.throwIfAborted()
  packing.entries += 1
  if (packing.entries > LIMITS.contentFiles) {
    throw new BacalhauError('ContentTooLarge', `the folder holds more than ${LIMITS.contentFiles} entries`)
  }
  if (kind === 'file') return packFile(packing, entry)
  if (kind === 'symlink') {
    const node = decodeUnixfs(cid, await content.block(ref, { signal }))
    const linkname = node.kind === 'symlink' ? node.target : ''
    return archive.add({ name, size: 0, type: 'symlink', linkname, mtime }).close()
  }
  await archive.add({ name: `${name}/`, size: 0, type: 'directory', mtime }).close()
  for await (const child of content.list(ref, { signal })) {
    await pack(packing, { ...child, name: `${name}/${checkName(child.name)}` })
  }
}

/** A name of a stranger must not lead whoever unpacks it to another place. */
function checkName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)) return name
  throw new BacalhauError('ContentInvalid', `the folder has an entry named ${JSON.stringify(name.slice(0, 300))}`)
}

async function packFile({ archive, content, signal }: Packing, { name, cid, bytes }: Entry): Promise<void> {
  const writer = archive.add({ name, size: bytes, type: 'file', mtime }).getWriter()
  if (bytes > 0) for await (const chunk of content.cat({ cid, path: [] }, { signal })) await writer.write(chunk)
  await writer.close()
}
