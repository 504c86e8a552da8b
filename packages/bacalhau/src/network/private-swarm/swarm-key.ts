import { createHash, randomBytes } from 'node:crypto'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import { readPrivateFile } from '../private-file.ts'

/** Bytes of a key of XSalsa20. */
const KEY_BYTES = 32

const TYPE = '/key/swarm/psk/1.0.0/'
const HEX = /^[\da-f]{64}$/i
const BASE64 = /^[A-Za-z0-9+/]{43}=$/

export interface SwarmKey {
  readonly bytes: Uint8Array
  /** Tells keys apart without giving them away: 16 hexadecimal digits. */
  readonly fingerprint: string
}

export interface LoadedSwarmKey extends SwarmKey {
  /** For the owner of the file. */
  readonly warnings: readonly string[]
}

const keyOf = (bytes: Uint8Array): SwarmKey => ({
  bytes,
  fingerprint: createHash('sha256').update('bacalhau swarm key').update(bytes).digest('hex').slice(0, 16),
})

/** A new key in the text of its file, in the format of go-libp2p and Kubo (`swarm.key`). */
export const newSwarmKeyText = (): string => formatSwarmKey(randomBytes(KEY_BYTES))

export const formatSwarmKey = (bytes: Uint8Array): string =>
  `${TYPE}\n/base16/\n${Buffer.from(bytes).toString('hex')}\n`

/**
 * Reads a key file of go-libp2p: the type, the encoding (`/base16/`, `/base64/` or `/bin/`), and the key, a line each. Throws
 * `SwarmKeyInvalid`, saying what the file holds instead.
 */
export function parseSwarmKey(content: Uint8Array, origin: string): SwarmKey {
  const [type, encoding, ...rest] = Buffer.from(content).toString('latin1').split('\n')
  const text = rest.join('\n')
  if (type?.trim() !== TYPE) throw invalid(origin, `does not begin with ${TYPE}`)
  switch (encoding?.trim()) {
    case '/base16/':
      if (!HEX.test(text.trim())) throw invalid(origin, 'does not have 64 hexadecimal digits in its third line')
      return keyOf(Buffer.from(text.trim(), 'hex'))
    case '/base64/':
      if (!BASE64.test(text.trim())) throw invalid(origin, 'does not have 32 bytes in base64 in its third line')
      return keyOf(Buffer.from(text.trim(), 'base64'))
    case '/bin/':
      if (text.length < KEY_BYTES) throw invalid(origin, 'does not have 32 bytes after its second line')
      return keyOf(Buffer.from(text.slice(0, KEY_BYTES), 'latin1'))
    default:
      throw invalid(origin, 'has another encoding than /base16/, /base64/ or /bin/ in its second line')
  }
}

function invalid(origin: string, found: string): BacalhauError {
  return new BacalhauError('SwarmKeyInvalid', `${origin} ${found}.`)
}

/** The key in `file`, and what its owner should know. Throws `SwarmKeyInvalid`. */
export async function loadSwarmKey(file: string): Promise<LoadedSwarmKey> {
  const read = await readPrivateFile(file).catch((cause: unknown) => {
    throw new BacalhauError('SwarmKeyInvalid', messageOf(cause), { cause })
  })
  const origin = `The swarm key ${file}`
  if (read === undefined) throw invalid(origin, 'is not there')
  return { ...parseSwarmKey(read.content, origin), warnings: read.warnings }
}
