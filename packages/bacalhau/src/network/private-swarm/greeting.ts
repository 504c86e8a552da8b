/** What either side of a connection says first once it is there (multistream-select 1.0), with its length in front. */
export const GREETING = Buffer.from('\x13/multistream/1.0.0\n')

/** Does what has come so far begin a greeting? Undefined while too little has come. */
export function isGreeting(bytes: Uint8Array): boolean | undefined {
  const most = Math.min(bytes.byteLength, GREETING.byteLength)
  if (Buffer.compare(bytes.subarray(0, most), GREETING.subarray(0, most)) !== 0) return false
  return most === GREETING.byteLength ? true : undefined
}
