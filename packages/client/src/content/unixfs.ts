import { ApiError } from '../api-error.ts'
import { readFields } from './bytes.ts'
import { type Cid, RAW, readCid } from './cid.ts'

export interface Link {
  readonly name: string
  readonly cid: Cid
}

export interface FilePart {
  readonly cid: Cid
  /** Bytes of the file below this link. */
  readonly size: number
}

/** What a block is: a file or part of one, a folder or part of one, or a symbolic link. */
export type UnixfsNode =
  | { readonly kind: 'file'; readonly size: number; readonly data: Uint8Array; readonly parts: readonly FilePart[] }
  /** `prefix`: characters before each name in a part of a sharded folder; a link of no more characters is a deeper part. */
  | { readonly kind: 'directory'; readonly prefix: number; readonly links: readonly Link[] }
  | { readonly kind: 'symlink'; readonly target: string }

/** Numbers of the message in the `Data` of a dag-pb node (https://specs.ipfs.tech/unixfs/). */
const FIELD = { type: 1, data: 2, blockSize: 4, fanout: 6 } as const
const TYPE = { raw: 0, directory: 1, file: 2, symlink: 4, shard: 5 } as const

/** Decodes a block of a file, folder or link. Throws `ContentInvalid`. */
export function decodeUnixfs({ codec, key }: Cid, block: Uint8Array): UnixfsNode {
  if (codec === RAW) return { kind: 'file', size: block.length, data: block, parts: [] }
  try {
    const { data, links } = decodeNode(block)
    return toUnixfs(decodeMessage(data), links)
  } catch (cause) {
    // Broken bytes, or a name that is not UTF-8.
    if (!(cause instanceof RangeError) && !(cause instanceof TypeError)) throw cause
    throw new ApiError(0, 'ContentInvalid', `${key} is not a well-formed file or folder: ${cause.message}`)
  }
}

/** A node of dag-pb (https://ipld.io/specs/codecs/dag-pb/spec/): `Data` is its field 1, each link a field 2. */
function decodeNode(block: Uint8Array): { data: Uint8Array; links: Link[] } {
  let data = new Uint8Array() as Uint8Array
  const links: Link[] = []
  for (const { number, value } of readFields(block)) {
    if (typeof value === 'number') continue
    if (number === 1) data = value
    else if (number === 2) links.push(decodeLink(value))
  }
  return { data, links }
}

function decodeLink(bytes: Uint8Array): Link {
  let name = ''
  let cid: Cid | undefined
  for (const { number, value } of readFields(bytes)) {
    if (typeof value === 'number') continue
    if (number === 1) cid = readCid(value, 0).cid
    else if (number === 2) name = text(value)
  }
  if (cid === undefined) throw new RangeError('a link leads nowhere')
  return { name, cid }
}

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)

interface Message {
  type: number
  data: Uint8Array
  sizes: number[]
  fanout: number
}

function decodeMessage(bytes: Uint8Array): Message {
  const message: Message = { type: -1, data: new Uint8Array(), sizes: [], fanout: 0 }
  for (const { number, value } of readFields(bytes)) {
    if (typeof value !== 'number') {
      if (number === FIELD.data) message.data = value
    } else if (number === FIELD.type) message.type = value
    else if (number === FIELD.blockSize) message.sizes.push(value)
    else if (number === FIELD.fanout) message.fanout = value
  }
  return message
}

function toUnixfs({ type, data, sizes, fanout }: Message, links: readonly Link[]): UnixfsNode {
  switch (type) {
    case TYPE.directory:
      return { kind: 'directory', prefix: 0, links }
    case TYPE.shard:
      if (fanout < 8 || fanout > 1024 || !Number.isInteger(Math.log2(fanout))) throw new RangeError(`fanout ${fanout}`)
      return { kind: 'directory', prefix: (fanout - 1).toString(16).length, links }
    case TYPE.symlink:
      return { kind: 'symlink', target: text(data) }
    case TYPE.raw:
    case TYPE.file: {
      if (sizes.length !== links.length) throw new RangeError('it does not say how long each part of the file is')
      const parts = links.map(({ cid }, index) => ({ cid, size: sizes[index] ?? 0 }))
      const size = parts.reduce((sum, part) => sum + part.size, data.length)
      if (!Number.isSafeInteger(size)) throw new RangeError('the file has no sensible length')
      return { kind: 'file', size, data, parts }
    }
    default:
      throw new RangeError(`type ${type} is not known`)
  }
}
