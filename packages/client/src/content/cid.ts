import { ApiError } from '../api-error.ts'
import { isEqual, readVarint, writeVarint } from './bytes.ts'

/** Codes of the multicodec table (https://github.com/multiformats/multicodec) that files and folders are made of. */
export const DAG_PB = 0x70
export const RAW = 0x55
const IDENTITY = 0x00
const SHA2_256 = 0x12
/** The same bound as Kubo's. */
const MOST_IDENTITY_BYTES = 128

/** The name of a block: how to read it, and what its hash is (https://github.com/multiformats/cid). */
export interface Cid {
  readonly codec: typeof DAG_PB | typeof RAW
  readonly hash: typeof IDENTITY | typeof SHA2_256
  readonly digest: Uint8Array
  /** Names the same block in whatever version the CID is written; not the canonical text of all of them. */
  readonly key: string
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** Reads `Qm…` (version 0), `b…` (base 32) or `z…` (base 58). Throws `InvalidCid`. */
export function parseCid(text: string): Cid {
  const bytes = decodeText(text)
  const cid = bytes === undefined ? undefined : readCid(bytes, 0)
  if (bytes === undefined || cid?.end !== bytes.length) throw invalidCid(text.slice(0, 100))
  return cid.cid
}

function decodeText(text: string): Uint8Array | undefined {
  if (text.length > 500) return undefined
  if (/^Qm\w{44}$/.test(text)) return decodeBase58(text)
  if (text.startsWith('z')) return decodeBase58(text.slice(1))
  if (/^b/i.test(text)) return decodeBase32(text.slice(1).toLowerCase())
  return undefined
}

function decodeBase58(text: string): Uint8Array | undefined {
  let number = 0n
  for (const letter of text) {
    const digit = BASE58.indexOf(letter)
    if (digit === -1) return undefined
    number = number * 58n + BigInt(digit)
  }
  const hex = number === 0n ? '' : number.toString(16)
  const bytes = (hex.length % 2 === 0 ? hex : `0${hex}`).match(/../g) ?? []
  const zeros = /^1*/.exec(text)?.[0].length ?? 0
  return Uint8Array.from([...Array.from({ length: zeros }, () => 0), ...bytes.map((byte) => Number.parseInt(byte, 16))])
}

function decodeBase32(text: string): Uint8Array | undefined {
  const bytes: number[] = []
  let buffer = 0
  let bits = 0
  for (const letter of text) {
    const digit = BASE32.indexOf(letter)
    if (digit === -1) return undefined
    buffer = (buffer << 5) | digit
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes.push((buffer >> bits) & 0xff)
    }
    buffer &= (1 << bits) - 1
  }
  return buffer === 0 && bits < 5 ? Uint8Array.from(bytes) : undefined
}

/** The CID in its binary form at `offset`, as blocks link and as a CAR names them. Throws `ContentInvalid`. */
export function readCid(bytes: Uint8Array, offset: number): { readonly cid: Cid; readonly end: number } {
  try {
    const [first, at] = number(bytes, offset)
    // Version 0 is a bare hash, which begins with its function and its length.
    if (first === SHA2_256) return readHash(bytes, offset, DAG_PB)
    if (first !== 1) throw new RangeError(`version ${first} is not known`)
    const [codec, start] = number(bytes, at)
    if (codec !== DAG_PB && codec !== RAW) throw new RangeError(`data of kind 0x${codec.toString(16)} is no file`)
    return readHash(bytes, start, codec)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new ApiError(0, 'ContentInvalid', `the content has a CID that cannot be used: ${cause.message}`)
  }
}

function readHash(bytes: Uint8Array, offset: number, codec: Cid['codec']) {
  const [hash, at] = number(bytes, offset)
  const [length, start] = number(bytes, at)
  const digest = bytes.subarray(start, start + length)
  if (digest.length !== length) throw new RangeError('it is cut off')
  const isUsable = (hash === SHA2_256 && length === 32) || (hash === IDENTITY && length <= MOST_IDENTITY_BYTES)
  if (!isUsable) throw new RangeError(`hash function 0x${hash.toString(16)} with ${length} bytes is not supported`)
  return { cid: cidOf(codec, hash, digest), end: start + length }
}

function number(bytes: Uint8Array, offset: number): readonly [number, number] {
  const read = readVarint(bytes, offset)
  if (read === undefined) throw new RangeError('it is cut off')
  return [read.value, read.end]
}

function cidOf(codec: Cid['codec'], hash: Cid['hash'], digest: Uint8Array): Cid {
  // Copied: it outlives the block in which it was found.
  const own = digest.slice()
  return { codec, hash, digest: own, key: formatBase32([1, codec, hash, ...writeVarint(own.length), ...own]) }
}

/** Version 1 in base 32, as which every gateway knows it. */
function formatBase32(bytes: readonly number[]): string {
  let text = 'b'
  let buffer = 0
  let bits = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(buffer >> (bits - 5)) & 31]
    buffer &= (1 << bits) - 1
  }
  return bits === 0 ? text : text + BASE32[(buffer << (5 - bits)) & 31]
}

/** The bytes that the CID itself holds, if it holds them. */
export const inlineData = ({ hash, digest }: Cid): Uint8Array | undefined => (hash === IDENTITY ? digest : undefined)

/**
 * Makes sure that `block` is what `cid` names. Throws `ContentInvalid`. The hash is that of the platform, which browsers only
 * have in pages that came over https or from this machine.
 */
export async function verify(cid: Cid, block: Uint8Array<ArrayBuffer>): Promise<void> {
  const { subtle } = globalThis.crypto as { subtle?: SubtleCrypto }
  if (subtle === undefined) {
    throw new ApiError(0, 'NotImplemented', 'this page cannot verify content: its browser has no WebCrypto here', {
      hint: 'Serve the page over https or from localhost.',
    })
  }
  const actual = cid.hash === IDENTITY ? block : new Uint8Array(await subtle.digest('SHA-256', block))
  if (isEqual(actual, cid.digest)) return
  throw new ApiError(0, 'ContentInvalid', `a block is not what its CID ${cid.key} says`, {
    hint: 'Fetch it from another node: this one, or somebody on the way to it, changes the content.',
  })
}

function invalidCid(text: string): ApiError {
  return new ApiError(0, 'InvalidCid', `"${text}" is not a CID of a file or folder that can be verified`)
}
