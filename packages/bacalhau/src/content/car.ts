import * as dagCbor from '@ipld/dag-cbor'
import { CID } from 'multiformats/cid'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { type ByteReader, createByteReader } from './byte-reader.ts'
import { matches, unsupported } from './cid.ts'
import { encodeVarint } from '../network/varint.ts'

/**
 * CAR version 1 (https://ipld.io/specs/transport/car/carv1/): a header, then sections of a length, a CID and its block.
 */
export interface CarBlock {
  readonly cid: CID
  readonly block: Uint8Array
}

const MAX_HEADER_BYTES = 64 * 1024
/** Longest CID that may precede a block: version, codec and a 64-byte hash. */
const MAX_CID_BYTES = 96

export function encodeCarHeader(root: CID): Uint8Array {
  const header = dagCbor.encode({ version: 1, roots: [root] })
  return Buffer.concat([encodeVarint(header.length), header])
}

/** What precedes a block, so that the block itself need not be copied. */
export function encodeCarSection(cid: CID, length: number): Uint8Array {
  return Buffer.concat([encodeVarint(cid.bytes.length + length), cid.bytes])
}

/**
 * The blocks of a CAR, each checked against its hash as it comes. Throws `ContentInvalid` for anything that is not a proper
 * CAR, `ContentTooLarge` for a block beyond `LIMITS.block`.
 */
export async function* readCar(source: AsyncIterable<Uint8Array>): AsyncGenerator<CarBlock, void, undefined> {
  const reader = createByteReader(source)
  try {
    await readHeader(reader)
    for (let block = await readSection(reader); block !== undefined; block = await readSection(reader)) yield block
  } finally {
    await reader.stop()
  }
}

async function readHeader(reader: ByteReader): Promise<void> {
  const length = (await reader.varint()) ?? 0
  if (length === 0 || length > MAX_HEADER_BYTES) throw invalid('it has no header of a sensible length')
  const bytes = await reader.read(length)
  let header: unknown
  try {
    header = dagCbor.decode(bytes)
  } catch (cause) {
    throw invalid('its header is not CBOR', cause)
  }
  const version = typeof header === 'object' && header !== null && 'version' in header ? header.version : undefined
  if (version !== 1) throw invalid(`its version is ${String(version)}, not 1`)
}

async function readSection(reader: ByteReader): Promise<CarBlock | undefined> {
  const length = await reader.varint()
  if (length === undefined) return undefined
  if (length > LIMITS.block + MAX_CID_BYTES) {
    throw new BacalhauError('ContentTooLarge', `A block of ${length} bytes is more than the ${LIMITS.block} allowed.`)
  }
  const section = await reader.read(length)
  let cid: CID
  let block: Uint8Array
  try {
    ;[cid, block] = CID.decodeFirst(section)
  } catch (cause) {
    throw invalid('a block has no CID', cause)
  }
  const problem = unsupported(cid)
  if (problem !== undefined) throw invalid(`${cid.toString()} ${problem}`)
  if (!matches(cid, block)) throw invalid(`a block is not what its CID ${cid.toString()} says`)
  return { cid, block }
}

function invalid(why: string, cause?: unknown): BacalhauError {
  return new BacalhauError('ContentInvalid', `This is not a usable CAR: ${why}.`, { cause })
}
