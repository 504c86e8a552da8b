import { createHash, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import path from 'node:path'
import { promisify } from 'node:util'
import { BacalhauError } from '../runtime/error.ts'
import { ensureDataFolder } from './data-folder.ts'
import { createPrivateFile, readPrivateFile } from './private-file.ts'

/** The key of the person at the command line; it has nothing to do with the peer ID. */
export interface UserKey {
  readonly clientId: string
  readonly key: KeyObject
  readonly file: string
  readonly warnings: readonly string[]
}

/**
 * The user's key from `user_id.pem` (PEM, `RSA PRIVATE KEY`, PKCS #1), made and saved there if missing. Never overwrites.
 * Throws `KeyFileInvalid` for a file that holds anything else and `DataDirUnusable` when it cannot be created.
 */
export async function loadUserKey(folder: string): Promise<UserKey> {
  const file = path.join(folder, 'user_id.pem')
  const present = await readPrivateFile(file)
  if (present !== undefined) return { ...parseUserKey(present.content, file), file, warnings: present.warnings }
  await ensureDataFolder(folder)
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048, publicExponent: 65537 })
  const created = await createPrivateFile(file, privateKey.export({ type: 'pkcs1', format: 'pem' }))
  return created ? { ...userKey(privateKey), file, warnings: [] } : loadUserKey(folder)
}

function parseUserKey(content: Uint8Array, file: string): Pick<UserKey, 'clientId' | 'key'> {
  let key: KeyObject | undefined
  try {
    key = createPrivateKey({ key: Buffer.from(content), format: 'pem' })
  } catch {
    // Not a key at all: told below, without the words of OpenSSL, which help nobody.
  }
  if (key?.asymmetricKeyType !== 'rsa') {
    throw new BacalhauError('KeyFileInvalid', `The key file ${file} does not hold an RSA private key in PEM.`)
  }
  return userKey(key)
}

const userKey = (key: KeyObject) => ({ clientId: clientIdOf(key), key })

/** The client ID of an RSA key: SHA-256 of the bytes of its modulus, in hexadecimal. */
export function clientIdOf(key: KeyObject): string {
  const { n = '' } = key.export({ format: 'jwk' })
  return createHash('sha256').update(Buffer.from(n, 'base64url')).digest('hex')
}

/** Bits of an RSA key that somebody presents. A larger one is only there to keep us busy. */
const LEAST_BITS = 2_048
const MOST_BITS = 8_192
/** What is wanted, in words. */
export const WANTED_KEY = `an RSA key of ${LEAST_BITS} to ${MOST_BITS} bits (PKCS #1)`

/** The public key that somebody presents, in PKCS #1 DER; undefined for what is none. */
export function readPublicKey(der: Uint8Array): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'pkcs1' })
    const { modulusLength = 0 } = key.asymmetricKeyDetails ?? {}
    return modulusLength >= LEAST_BITS && modulusLength <= MOST_BITS ? key : undefined
  } catch {
    return undefined
  }
}
