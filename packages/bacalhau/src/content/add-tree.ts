import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { type AddOptions, type AddProgress, type AddResult, addSmall, addStream, startProgress } from './add.ts'
import type { BlockBatch } from './blocks/block-batch.ts'
import { buildDirectory, buildSymlink } from './unixfs/directory-builder.ts'
import type { Added } from './unixfs/file-builder.ts'

/**
 * A file, folder or link of a tree that does not lie on a disk, such as an archive. A folder has neither content nor link.
 */
export interface TreeEntry {
  /** Relative, with `/` between the names. Folders above it need no entry of their own. */
  readonly path: string
  /** The bytes of a file. Read to the end before the next entry is asked for. */
  readonly content?: AsyncIterable<Uint8Array>
  /** The same, of a file of which all is here already; good until the next entry is asked for. */
  readonly bytes?: Uint8Array
  /** What a symbolic link points to. */
  readonly link?: string
}

type Folder = Map<string, Folder | Added>

/**
 * Adds a folder that is given entry by entry, in any order, to `batch`. Throws `BadRequest` for a path that leaves the tree,
 * is there twice, or is both a file and a folder, and `ContentTooLarge` beyond `LIMITS.contentFiles` entries.
 */
export async function addTreeTo(
  batch: BlockBatch,
  entries: AsyncIterable<TreeEntry>,
  options: Omit<AddOptions, 'wrap'>,
): Promise<AddResult> {
  const progress = startProgress(batch, options)
  const root: Folder = new Map()
  let count = 0
  for await (const entry of entries) {
    progress.signal?.throwIfAborted()
    count += 1
    if (count > LIMITS.contentFiles) {
      throw new BacalhauError('ContentTooLarge', `A folder may have ${LIMITS.contentFiles} entries.`)
    }
    await place(root, entry, progress)
  }
  const { cid } = await build(root, progress)
  return { cid, bytes: progress.bytes, files: progress.files }
}

async function place(root: Folder, entry: TreeEntry, progress: AddProgress): Promise<void> {
  const names = entry.path.split('/').filter((name) => name !== '' && name !== '.')
  const leaves = entry.path.startsWith('/') || names.some((name) => name === '..' || name.includes('\0'))
  if (leaves) throw misplaced(entry, 'leaves the folder')
  const isFolder = entry.content === undefined && entry.link === undefined
  const folder = openFolder(root, isFolder ? names : names.slice(0, -1), entry)
  if (isFolder) return
  const name = names.at(-1)
  if (name === undefined) throw misplaced(entry, 'has no name')
  if (folder.has(name)) throw misplaced(entry, 'is there twice')
  folder.set(name, await addLeaf(entry, progress))
}

/** The folder at `names`, made with all above it if it is not there yet. */
function openFolder(root: Folder, names: readonly string[], entry: TreeEntry): Folder {
  let folder = root
  for (const name of names) {
    const next: Folder | Added = folder.get(name) ?? new Map()
    if (!(next instanceof Map)) throw misplaced(entry, `needs "${name}" to be a folder, but that is a file`)
    folder.set(name, next)
    folder = next
  }
  return folder
}

async function addLeaf({ bytes, content, link }: TreeEntry, progress: AddProgress): Promise<Added> {
  if (bytes !== undefined) return addSmall(bytes, progress)
  if (content !== undefined) return addStream(content, progress)
  progress.files += 1
  return buildSymlink(link ?? '', progress.version, progress.batch)
}

async function build(folder: Folder, progress: AddProgress): Promise<Added> {
  const links = []
  for (const [name, entry] of folder) {
    links.push({ name, ...(entry instanceof Map ? await build(entry, progress) : entry) })
  }
  return buildDirectory(links, progress.version, progress.batch)
}

function misplaced({ path }: TreeEntry, why: string): BacalhauError {
  return new BacalhauError('BadRequest', `The entry ${JSON.stringify(path.slice(0, 300))} ${why}.`)
}
