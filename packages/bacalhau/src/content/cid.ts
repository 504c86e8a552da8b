import { hash } from 'node:crypto'
import { CID } from 'multiformats/cid'
import * as digest from 'multiformats/hashes/digest'
import { BacalhauError } from '../runtime/error.ts'
import { decodeVarint, encodeVarint } from '../network/varint.ts'

/** Codes of the multicodec table (https://github.com/multiformats/multicodec) that UnixFS content is made of. */
export const DAG_PB = 0x70
export const RAW = 0x55
const IDENTITY = 0x00
const SHA2_256 = 0x12
const SHA2_512 = 0x13

/** The same bound as Kubo's: more than this is no longer a name but a way to smuggle data. */
const MAX_IDENTITY_BYTES = 128
const MAX_REF_LENGTH = 8_192

/** Content, or a file or folder within it. */
export interface ContentRef {
  readonly cid: CID
  /** Names below the root, outermost first. */
  readonly path: readonly string[]
}

/** Reads `Qm…`, `bafy…/folder/file`, `/ipfs/<cid>/…` or `ipfs://<cid>/…`. Throws `InvalidCid` or `BadRequest`. */
export function parseContentRef(text: string): ContentRef {
  const [root = '', ...path] = text
    .slice(0, MAX_REF_LENGTH + 1)
    .replace(/^(?:ipfs:\/\/|\/ipfs\/)/, '')
    .split('/')
  const names = path.filter((name) => name !== '')
  if (text.length > MAX_REF_LENGTH || names.some((name) => name === '.' || name === '..' || name.includes('\0'))) {
    throw new BacalhauError('BadRequest', 'The path after the CID is not one of names below it.')
  }
  return { cid: parseCid(root), path: names }
}

/** Reads a CID of content that this node can handle. Throws `InvalidCid`. */
export function parseCid(text: string): CID {
  let cid: CID
  try {
    cid = CID.parse(text)
  } catch (cause) {
    throw new BacalhauError('InvalidCid', `"${text.slice(0, 100)}" is not a CID.`, { cause })
  }
  const problem = unsupported(cid)
  if (problem !== undefined) throw new BacalhauError('InvalidCid', `${text} ${problem}.`)
  return cid
}

/** Why this node cannot handle `cid`, or undefined. */
export function unsupported(cid: CID): string | undefined {
  if (cid.code !== DAG_PB && cid.code !== RAW) {
    return `names data of kind 0x${cid.code.toString(16)}; only files and folders (dag-pb, raw) are supported`
  }
  const { code, size } = cid.multihash
  if (code === SHA2_256 && size === 32) return undefined
  if (code === SHA2_512 && size === 64) return undefined
  if (code === IDENTITY && size <= MAX_IDENTITY_BYTES) return undefined
  return `uses hash function 0x${code.toString(16)} with ${size} bytes; sha2-256 and sha2-512 are supported`
}

export function formatContentRef({ cid, path }: ContentRef): string {
  return [cid.toString(), ...path].join('/')
}

/** The CID of a block of ours. Version 0 exists for dag-pb only. */
export function cidOf(version: 0 | 1, codec: typeof DAG_PB | typeof RAW, block: Uint8Array): CID {
  const multihash = digest.create(SHA2_256, hash('sha256', block, 'buffer'))
  return version === 0 && codec === DAG_PB ? CID.createV0(multihash) : CID.createV1(codec, multihash)
}

/** Version, codec and hash function of a CID, without the hash: what bitswap sends beside a block. */
export function prefixOf(cid: CID): Uint8Array {
  const { code, size } = cid.multihash
  return Buffer.concat([cid.version, cid.code, code, size].map((number) => encodeVarint(number)))
}

/** The CID that `block` has under `prefix`; undefined when this node cannot handle it. */
export function cidFromPrefix(prefix: Uint8Array, block: Uint8Array): CID | undefined {
  const [version, codec, code, size] = varints(prefix)
  if (codec !== DAG_PB && codec !== RAW) return undefined
  if (code === SHA2_256 && size === 32) return cidOf(version === 0 ? 0 : 1, codec, block)
  if (code === SHA2_512 && size === 64) return CID.createV1(codec, digest.create(code, hash('sha512', block, 'buffer')))
  return undefined
}

function varints(bytes: Uint8Array): number[] {
  const numbers: number[] = []
  for (let offset = 0; offset < bytes.length;) {
    const read = decodeVarint(bytes, offset)
    if (read === undefined) return []
    numbers.push(read.value)
    offset += read.length
  }
  return numbers
}

/** Is `block` what `cid` names? False as well for hash functions that are not supported. */
export function matches(cid: CID, block: Uint8Array): boolean {
  if (unsupported(cid) !== undefined) return false
  const { code, digest } = cid.multihash
  if (code === IDENTITY) return Buffer.compare(digest, block) === 0
  return Buffer.compare(digest, hash(code === SHA2_256 ? 'sha256' : 'sha512', block, 'buffer')) === 0
}

/** The data of a CID that carries it within itself, else undefined. Such blocks are never stored or sent. */
export function inlineData(cid: CID): Uint8Array | undefined {
  return cid.multihash.code === IDENTITY ? cid.multihash.digest : undefined
}

/** What a block is stored and looked up by: the hash alone, as the same bytes may be named by several CIDs. */
export function keyOf(cid: CID): string {
  return Buffer.from(cid.multihash.bytes).toString('latin1')
}

/** The multihash that `key` stands for. */
export function hashOf(key: string): Uint8Array {
  return Buffer.from(key, 'latin1')
}
