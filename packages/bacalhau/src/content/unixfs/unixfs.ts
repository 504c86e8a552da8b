import { encode, prepare } from '@ipld/dag-pb'
import type { CID } from 'multiformats/cid'
import { BacalhauError } from '../../runtime/error.ts'
import { decodeNode } from '../blocks/block-source.ts'
import { RAW } from '../cid.ts'
import { bytesField, bytesHeader, readFields, varintField } from '../../network/protobuf.ts'

/**
 * The UnixFS format (https://specs.ipfs.tech/unixfs/): files, folders and links as dag-pb nodes whose `Data` is a protobuf
 * message with the fields numbered here.
 */
const FIELD = { type: 1, data: 2, fileSize: 3, blockSize: 4, hashType: 5, fanout: 6 } as const
const TYPE = { raw: 0, directory: 1, file: 2, symlink: 4, shard: 5 } as const
/** murmur3-x64-64 in the multicodec table: the only hash that sharded folders use. */
const MURMUR3_64 = 0x22

export interface NamedLink {
  readonly name: string
  readonly cid: CID
  /** Bytes of the block and all below it, as whoever made the link says. */
  readonly treeSize: number
}

export interface FilePart {
  readonly cid: CID
  /** Bytes of the file below this link. */
  readonly bytes: number
}

export type UnixfsNode =
  | { readonly kind: 'file'; readonly bytes: number; readonly data: Uint8Array; readonly parts: readonly FilePart[] }
  | { readonly kind: 'directory'; readonly links: readonly NamedLink[] }
  | { readonly kind: 'shard'; readonly links: readonly NamedLink[]; readonly fanout: number }
  | { readonly kind: 'symlink'; readonly target: string }

/** Decodes a block of a file, folder or link. Throws `ContentInvalid`. */
export function decodeUnixfs(cid: CID, block: Uint8Array): UnixfsNode {
  if (cid.code === RAW) return { kind: 'file', bytes: block.length, data: block, parts: [] }
  const node = decodeNode(cid, block)
  if (node.Data === undefined) throw invalid(cid, 'it has no UnixFS data')
  const message = decodeMessage(node.Data)
  const links = node.Links.map(({ Hash, Name = '', Tsize = 0 }) => ({ cid: Hash, name: Name, treeSize: Tsize }))
  switch (message.type) {
    case TYPE.directory:
      return { kind: 'directory', links }
    case TYPE.shard:
      return { kind: 'shard', links, fanout: checkShard(cid, message) }
    case TYPE.symlink:
      return { kind: 'symlink', target: Buffer.from(message.data).toString() }
    case TYPE.raw:
    case TYPE.file:
      return decodeFile(cid, message, links)
    default:
      throw invalid(cid, `UnixFS type ${message.type} is not known`)
  }
}

interface Message {
  type: number | undefined
  data: Uint8Array
  blockSizes: number[]
  hashType: number
  fanout: number
}

function decodeMessage(bytes: Uint8Array): Message {
  const message: Message = { type: undefined, data: new Uint8Array(), blockSizes: [], hashType: 0, fanout: 0 }
  for (const { number, wire, value } of readFields(bytes)) {
    if (wire === 'bytes') {
      if (number === FIELD.data) message.data = value
    } else if (number === FIELD.type) message.type = value
    else if (number === FIELD.blockSize) message.blockSizes.push(value)
    else if (number === FIELD.hashType) message.hashType = value
    else if (number === FIELD.fanout) message.fanout = value
  }
  return message
}

function decodeFile(cid: CID, { data, blockSizes }: Message, links: readonly NamedLink[]): UnixfsNode {
  if (blockSizes.length !== links.length) throw invalid(cid, 'it does not say how long each part of the file is')
  const parts = links.map((link, index) => ({ cid: link.cid, bytes: blockSizes[index] ?? 0 }))
  const bytes = parts.reduce((sum, part) => sum + part.bytes, data.length)
  if (!Number.isSafeInteger(bytes)) throw invalid(cid, 'the file has no sensible length')
  return { kind: 'file', bytes, data, parts }
}

function checkShard(cid: CID, { hashType, fanout }: Message): number {
  if (hashType !== MURMUR3_64) throw invalid(cid, `hash function ${hashType} is not known for sharded folders`)
  if (fanout < 8 || fanout > 1024 || !Number.isInteger(Math.log2(fanout)))
    throw invalid(cid, `fanout ${fanout} is not allowed`)
  return fanout
}

function invalid(cid: CID, why: string): BacalhauError {
  return new BacalhauError('ContentInvalid', `${cid.toString()} is not a well-formed file or folder: ${why}.`)
}

/** A leaf of a file, in the one allocation that it takes. */
export function encodeFileLeaf(data: Uint8Array): Uint8Array {
  const size = varintField(FIELD.fileSize, data.length)
  // `ipfs add` leaves the data of an empty file out.
  const start = data.length === 0 ? [] : [bytesHeader(FIELD.data, data.length), data]
  const message = [varintField(FIELD.type, TYPE.file), ...start, size]
  const length = message.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat([bytesHeader(1, length), ...message])
}

/** A node of a file that consists of `parts`, in order. */
export function encodeFileNode(parts: readonly (FilePart & { readonly treeSize: number })[]): Uint8Array {
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  const data = Buffer.concat([
    varintField(FIELD.type, TYPE.file),
    varintField(FIELD.fileSize, bytes),
    ...parts.map((part) => varintField(FIELD.blockSize, part.bytes)),
  ])
  return encodeLinks(
    data,
    parts.map(({ cid, treeSize }) => ({ name: '', cid, treeSize })),
  )
}

export function encodeDirectory(links: readonly NamedLink[]): Uint8Array {
  return encodeLinks(varintField(FIELD.type, TYPE.directory), links)
}

/** `bitfield` has a bit for each slot that a link fills, the highest slot first. */
export function encodeShard(links: readonly NamedLink[], bitfield: Uint8Array, fanout: number): Uint8Array {
  const data = Buffer.concat([
    varintField(FIELD.type, TYPE.shard),
    bytesField(FIELD.data, bitfield),
    varintField(FIELD.hashType, MURMUR3_64),
    varintField(FIELD.fanout, fanout),
  ])
  return encodeLinks(data, links)
}

export function encodeSymlink(target: string): Uint8Array {
  const data = Buffer.concat([varintField(FIELD.type, TYPE.symlink), bytesField(FIELD.data, Buffer.from(target))])
  return encodeLinks(data, [])
}

/** dag-pb wants links sorted by the bytes of their names; parts of a file have none and keep their order. */
function encodeLinks(data: Uint8Array, links: readonly NamedLink[]): Uint8Array {
  return encode(
    prepare({
      Data: data,
      Links: links.map(({ name, cid, treeSize }) => ({ Name: name, Hash: cid, Tsize: treeSize })),
    }),
  )
}
