import { createCipheriv, createHash } from 'node:crypto'

/**
 * The reproducible bytes from which Kubo's own tests make their files: the ChaCha20 key stream for the SHA-256 of a seed
 * (ipfs/kubo, test/cli/testutils/random_deterministic.go).
 */
export function kuboRandomBytes(length: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest()
  // A counter and a nonce, both zero.
  return createCipheriv('chacha20', key, Buffer.alloc(16)).update(Buffer.alloc(length))
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz01234567890-_'

/** File names of one length, made from such bytes. */
export function kuboRandomNames(count: number, length: number, seed: string): string[] {
  const bytes = kuboRandomBytes(1_048_576, seed)
  const letters = Array.from(bytes.subarray(0, count * length), (byte) => ALPHABET[byte % ALPHABET.length])
  return Array.from({ length: count }, (_, index) => letters.slice(index * length, (index + 1) * length).join(''))
}
