// What `bacalhau id` needs, with nothing but node:crypto: importing libp2p here would make that command ten times slower.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import { promisify } from 'node:util'
import { BacalhauError } from '../runtime/error.ts'
import { base58 } from './base58.ts'

/** The private key of a node, checked, and the peer ID that follows from it. */
export interface NodeKey {
  readonly peerId: string
  /** The libp2p protobuf of the private key (libp2p specification `peer-ids`): field 1 the type, field 2 the key. */
  readonly bytes: Uint8Array
}

/** Key types of the libp2p protobuf. The first two are ours to use. */
const KEY_TYPES = ['RSA', 'Ed25519', 'secp256k1', 'ECDSA']
export const RSA = 0
export const ED25519 = 1

/** Bits that libp2p programs accept. */
const RSA_BITS = { least: 2048, most: 8192 }

/** A new RSA-2048 key, as the Go program makes them. Takes about a tenth of a second. */
export async function generateNodeKey(): Promise<NodeKey> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048, publicExponent: 65537 })
  return parseNodeKey(keyProtobuf(RSA, privateKey.export({ type: 'pkcs1', format: 'der' })))
}

/**
 * Reads the libp2p protobuf of an RSA or Ed25519 private key. Throws `KeyFileInvalid` for anything else, in which `origin`
 * says where the bytes come from.
 */
export function parseNodeKey(bytes: Uint8Array, origin = 'The key'): NodeKey {
  const { type, data } = parseProtobuf(bytes, origin)
  if (type === RSA) return { peerId: rsaPeerId(data, origin), bytes }
  if (type === ED25519) return { peerId: ed25519PeerId(data, origin), bytes }
  const name = KEY_TYPES[type] ?? `unknown (number ${type})`
  throw invalid(origin, `is of the type ${name}; an RSA or Ed25519 key is needed`)
}

function invalid(origin: string, found: string, cause?: unknown): BacalhauError {
  return new BacalhauError('KeyFileInvalid', `${origin} ${found}.`, { cause })
}

/** Only the one encoding that every libp2p program writes is read: both fields, in order, nothing after them. */
export function parseProtobuf(bytes: Uint8Array, origin: string): { type: number; data: Uint8Array } {
  const [typeTag, type, dataTag, low = 0, high = 0] = bytes
  if (typeTag !== 0x08 || type === undefined || type > 0x7f || dataTag !== 0x12) {
    throw invalid(origin, 'does not hold a libp2p private key')
  }
  // The length is a varint; two bytes of it reach 16 KiB, more than any key.
  const long = low > 0x7f
  const length = long ? (low & 0x7f) | (high << 7) : low
  const data = bytes.subarray(long ? 5 : 4)
  if (high > 0x7f && long) throw invalid(origin, 'does not hold a libp2p private key')
  if (data.length < length)
    throw invalid(origin, `is truncated: ${data.length} of ${length} bytes of the key are there`)
  if (data.length > length) throw invalid(origin, `has ${data.length - length} bytes too many after the key`)
  return { type, data }
}

/** The protobuf that both halves of a key travel in. */
export function keyProtobuf(type: number, data: Uint8Array): Uint8Array {
  const { length } = data
  const varint = length > 0x7f ? [(length & 0x7f) | 0x80, length >> 7] : [length]
  return Buffer.concat([Uint8Array.of(0x08, type, 0x12, ...varint), data])
}

function rsaPeerId(pkcs1: Uint8Array, origin: string): string {
  const key = privateKey(origin, () => createPrivateKey({ key: Buffer.from(pkcs1), format: 'der', type: 'pkcs1' }))
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  if (bits < RSA_BITS.least || bits > RSA_BITS.most) throw invalid(origin, `is an RSA key of ${bits} bits, not 2048`)
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const hash = createHash('sha256').update(keyProtobuf(RSA, spki)).digest()
  return base58(Uint8Array.of(0x12, hash.length, ...hash))
}

/** The 32 bytes of the secret, then the 32 of the public key. */
function ed25519PeerId(pair: Uint8Array, origin: string): string {
  if (pair.length !== 64) throw invalid(origin, `is an Ed25519 key of ${pair.length} bytes, not 64`)
  const d = Buffer.from(pair.subarray(0, 32)).toString('base64url')
  const x = Buffer.from(pair.subarray(32)).toString('base64url')
  const key = privateKey(origin, () => createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d, x }, format: 'jwk' }))
  if (createPublicKey(key).export({ format: 'jwk' }).x !== x) throw invalid(origin, MISMATCH)
  const publicKey = keyProtobuf(ED25519, pair.subarray(32))
  return base58(Uint8Array.of(0x00, publicKey.length, ...publicKey))
}

const MISMATCH = 'is damaged: its private and its public half do not belong together'

/** A key that OpenSSL reads and whose halves fit: one flipped bit in a file must not become a new identity. */
function privateKey(origin: string, read: () => KeyObject): KeyObject {
  const probe = Buffer.from('bacalhau')
  try {
    const key = read()
    const algorithm = key.asymmetricKeyType === 'rsa' ? 'sha256' : null
    if (verify(algorithm, probe, createPublicKey(key), sign(algorithm, probe, key))) return key
  } catch (error) {
    throw invalid(origin, 'is damaged: its numbers are not those of a key', error)
  }
  throw invalid(origin, MISMATCH)
}
