import { ApiError } from '../api-error.ts'
import type { Transport } from '../transport.ts'
import { type Blocks, createBlocks } from './blocks.ts'
import { type Cid, parseCid } from './cid.ts'
import { decodeUnixfs, type Link, type UnixfsNode } from './unixfs.ts'

/** One thing in a tree of content, with its path below the root; the root itself has an empty one. */
export type ContentEntry =
  | {
      readonly kind: 'file'
      readonly path: string
      readonly cid: string
      /** Bytes. */
      readonly size: number
      /** The bytes, which are verified as they come. To be read, once, before the next entry is asked for. */
      readonly content: () => AsyncGenerator<Uint8Array, void>
    }
  | { readonly kind: 'directory'; readonly path: string; readonly cid: string }
  /** `target` is the text of a stranger: look where it leads before you follow it. */
  | { readonly kind: 'symlink'; readonly path: string; readonly cid: string; readonly target: string }

/** Deeper, or of more entries, no honest tree is. */
const DEEPEST = 256
const DEEPEST_FILE = 16
const MOST_ENTRIES = 1_000_000

interface Walk {
  readonly blocks: Blocks
  entries: number
}

/**
 * Everything at `path` (`<cid>` or `<cid>/name/name`), each byte of it verified: what comes is what the CID names, whoever
 * sent it. Folders come before what is in them. Memory does not grow with the size of files. Throws `InvalidCid`, `NotFound`
 * and `ContentInvalid`.
 */
export async function* walkContent(
  transport: Transport,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<ContentEntry> {
  const [root = '', ...names] = path
    .replace(/^(?:ipfs:\/\/|\/ipfs\/)/, '')
    .split('/')
    .filter((name) => name !== '')
  const cid = parseCid(root)
  const walk: Walk = { blocks: createBlocks(transport, [root, ...names].join('/'), signal), entries: 0 }
  try {
    yield* visit(walk, await resolve(walk, cid, names), '', 0)
  } finally {
    await walk.blocks.skip()
  }
}

/** The bytes of the one file at `path`, verified. Throws `BadRequest` when it is a folder. */
export async function* readContent(
  transport: Transport,
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  for await (const entry of walkContent(transport, path, signal)) {
    if (entry.kind !== 'file') throw new ApiError(0, 'BadRequest', `${path} is a ${entry.kind}, not a file`)
    return yield* entry.content()
  }
}

async function* visit(walk: Walk, cid: Cid, path: string, depth: number): AsyncGenerator<ContentEntry> {
  const { blocks } = walk
  const node = await nodeAt(blocks, cid)
  walk.entries += 1
  if (depth > DEEPEST || walk.entries > MOST_ENTRIES) throw invalid(cid, 'the folder has more in it than is allowed')
  if (node.kind === 'symlink') return yield { kind: 'symlink', path, cid: cid.key, target: node.target }
  if (node.kind === 'file') return yield* visitFile(blocks, node, cid, path)
  yield { kind: 'directory', path, cid: cid.key }
  const names = new Set<string>()
  for await (const link of entriesOf(blocks, node, 0)) {
    if (!isPlain(link.name) || names.has(link.name)) {
      throw invalid(cid, `it has an entry named ${JSON.stringify(link.name.slice(0, 300))}`)
    }
    names.add(link.name)
    yield* visit(walk, link.cid, path === '' ? link.name : `${path}/${link.name}`, depth + 1)
  }
}

/** A name of a stranger must not lead whoever writes it to a disk to another place. */
const isPlain = (name: string): boolean => name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name)

type FileNode = Extract<UnixfsNode, { kind: 'file' }>
type DirectoryNode = Extract<UnixfsNode, { kind: 'directory' }>

async function* visitFile(blocks: Blocks, node: FileNode, cid: Cid, path: string): AsyncGenerator<ContentEntry> {
  let unread = node.parts.length > 0
  async function* content() {
    yield* bytesOf(blocks, node, cid, 0)
    unread = false
  }
  yield { kind: 'file', path, cid: cid.key, size: node.size, content }
  if (unread) await blocks.skip()
}

async function* bytesOf(blocks: Blocks, node: FileNode, cid: Cid, depth: number): AsyncGenerator<Uint8Array, void> {
  if (depth > DEEPEST_FILE) throw invalid(cid, 'the file has too many levels')
  if (node.data.length > 0) yield node.data
  for (const { cid, size } of node.parts) {
    const part = await nodeAt(blocks, cid)
    if (part.kind !== 'file' || part.size !== size) throw invalid(cid, 'it is not the part of a file that it should be')
    yield* bytesOf(blocks, part, cid, depth + 1)
  }
}

/** The entries of a folder, however it is sharded. */
async function* entriesOf(blocks: Blocks, node: DirectoryNode, depth: number): AsyncGenerator<Link> {
  for (const link of node.links) {
    if (isShard(node, link)) yield* entriesOf(blocks, await shardAt(blocks, link, depth), depth + 1)
    else yield { name: link.name.slice(node.prefix), cid: link.cid }
  }
}

const isShard = ({ prefix }: DirectoryNode, { name }: Link): boolean => prefix > 0 && name.length <= prefix

async function shardAt(blocks: Blocks, { cid }: Link, depth: number): Promise<DirectoryNode> {
  const node = await nodeAt(blocks, cid)
  // 22 levels are all that a 64-bit hash has with the smallest fanout.
  if (node.kind !== 'directory' || node.prefix === 0 || depth > 22)
    throw invalid(cid, 'a sharded folder is not well-formed')
  return node
}

async function resolve(walk: Walk, root: Cid, names: readonly string[]): Promise<Cid> {
  let cid = root
  for (const name of names) {
    const node = await nodeAt(walk.blocks, cid)
    const found = node.kind === 'directory' ? await find(walk.blocks, node, name, 0) : undefined
    if (found === undefined) throw new ApiError(0, 'NotFound', `there is no "${name}" in ${cid.key}`)
    cid = found
  }
  return cid
}

/** Looks first into the part of a sharded folder that the node sends next, which spares hashing the name. */
async function find(blocks: Blocks, node: DirectoryNode, name: string, depth: number): Promise<Cid | undefined> {
  const link = node.links.find((link) => !isShard(node, link) && link.name.slice(node.prefix) === name)
  if (link !== undefined) return link.cid
  const shards = node.links.filter((link) => isShard(node, link))
  const next = await Promise.all(shards.map(({ cid }) => blocks.isNext(cid)))
  const ordered = [...shards.filter((_, index) => next[index]), ...shards.filter((_, index) => !next[index])]
  for (const shard of ordered) {
    const found = await find(blocks, await shardAt(blocks, shard, depth), name, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

const nodeAt = async (blocks: Blocks, cid: Cid): Promise<UnixfsNode> => decodeUnixfs(cid, await blocks.get(cid))

function invalid({ key }: Cid, why: string): ApiError {
  return new ApiError(0, 'ContentInvalid', `${key} is not a well-formed file or folder: ${why}`)
}
