import type { Random } from './random.ts'

/** A version 4 UUID (RFC 9562) from `random`. */
export function uuid(random: Random): string {
  const bytes = random.bytes(16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

export const newJobId = (random: Random): string => `j-${uuid(random)}`
export const newExecutionId = (random: Random): string => `e-${uuid(random)}`

/** A secret of 256 bits, safe to paste into a command line. */
export const newToken = (random: Random): string => Buffer.from(random.bytes(32)).toString('base64url')
