import { xsalsa20 } from '@noble/ciphers/salsa.js'

/** Bytes that the cipher makes at a time. */
const BLOCK = 64

/**
 * Encrypts, or decrypts, a flow of bytes with XSalsa20, each piece going on where the last one ended. Good for 256 GiB, after
 * which it throws: the connection ends, and the next one has a nonce of its own.
 */
export function createKeystream(key: Uint8Array, nonce: Uint8Array): (data: Uint8Array) => Uint8Array {
  let blocks = 0
  /** Bytes of the present block that are used up. */
  let used = 0
  return (data) => {
    // The data lie in their place within whole blocks, so that the cipher begins with a block and at an aligned address.
    const room = new Uint8Array(used + data.byteLength)
    room.set(data, used)
    xsalsa20(key, nonce, room, room, blocks)
    const done = room.subarray(used)
    blocks += Math.floor(room.byteLength / BLOCK)
    used = room.byteLength % BLOCK
    return done
  }
}
