import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { base58 } from './base58.ts'
import { ED25519, keyProtobuf, type NodeKey, parseProtobuf, RSA } from './identity.ts'

/** Signs in the name of a node. */
export interface Signer {
  readonly peerId: string
  /** The libp2p protobuf of the public key. */
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

export function createSigner({ peerId, bytes }: NodeKey): Signer {
  const { type, data } = parseProtobuf(bytes, 'The key')
  const key = type === RSA ? rsaKey(data) : ed25519Key(data)
  return { peerId, publicKey: toProtobuf(createPublicKey(key)), sign: (message) => sign(digestOf(key), message, key) }
}

/** The public key of some node. */
export interface PublicKey {
  /** The peer ID that follows from it. */
  readonly peerId: string
  verifies(bytes: Uint8Array, signature: Uint8Array): boolean
}

/** Reads the libp2p protobuf of an RSA or Ed25519 public key. Throws for anything else. */
export function parsePublicKey(protobuf: Uint8Array): PublicKey {
  const { type, data } = parseProtobuf(protobuf, 'The public key')
  if (type !== RSA && type !== ED25519) throw new Error('the key is neither RSA nor Ed25519')
  const key =
    type === RSA ? createPublicKey({ key: Buffer.from(data), format: 'der', type: 'spki' }) : ed25519Public(data)
  if (type === RSA && !isUsual(key)) throw new Error('the key is no usual RSA key of at most 8192 bits')
  const hash = type === RSA ? createHash('sha256').update(protobuf).digest() : protobuf
  return {
    peerId: base58(Uint8Array.of(type === RSA ? 0x12 : 0, hash.length, ...hash)),
    verifies: (bytes, signature) => verify(digestOf(key), bytes, key, signature),
  }
}

/** With a long exponent checking one signature takes a thousand times as long, and whoever sends it decides how often. */
function isUsual({
  asymmetricKeyType,
  asymmetricKeyDetails: { modulusLength = 0, publicExponent = 0n } = {},
}: KeyObject) {
  return asymmetricKeyType === 'rsa' && modulusLength <= 8_192 && publicExponent <= 0xffff_ffffn
}

/** Bytes of the longest key that is none of RSA, and of which none of RSA could be. */
const SHORT_KEY = 128

/**
 * Is checking a signature with this public key, a libp2p protobuf of any kind, as quick as usual? Only keys that are read the same
 * by everyone count as such.
 */
export function isQuickToCheck(protobuf: Uint8Array): boolean {
  if (protobuf.length <= SHORT_KEY) return true
  try {
    parsePublicKey(protobuf)
    return true
  } catch {
    return false
  }
}

const digestOf = (key: KeyObject): 'sha256' | null => (key.asymmetricKeyType === 'rsa' ? 'sha256' : null)

const rsaKey = (pkcs1: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.from(pkcs1), format: 'der', type: 'pkcs1' })

/** The 32 bytes of the secret, then the 32 of the public key. */
function ed25519Key(pair: Uint8Array): KeyObject {
  const half = (start: number) => Buffer.from(pair.subarray(start, start + 32)).toString('base64url')
  return createPrivateKey({ key: { kty: 'OKP', crv: 'Ed25519', d: half(0), x: half(32) }, format: 'jwk' })
}

function ed25519Public(bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

function toProtobuf(key: KeyObject): Uint8Array {
  if (key.asymmetricKeyType === 'rsa') return keyProtobuf(RSA, key.export({ type: 'spki', format: 'der' }))
  return keyProtobuf(ED25519, Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url'))
}
