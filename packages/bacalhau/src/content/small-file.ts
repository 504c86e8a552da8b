import { closeSync, constants, openSync, readSync, writeFileSync } from 'node:fs'

/** Fewer bytes make a small file. */
export const SMALL_FILE = 64 * 1024

const scratch = Buffer.allocUnsafeSlow(SMALL_FILE)

/**
 * The bytes of a small file, good until the next call; undefined when the file is not small. A link is not followed, and a pipe not
 * waited for. To read so little takes a tenth of the time of asking another thread to do so, and ten thousand such files are
 * common; whoever reads many gives others their turn (`steps`).
 */
export function readSmallFile(file: string): Uint8Array | undefined {
  const handle = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    let length = 0
    // Files of /proc and the like give less than there is.
    for (;;) {
      const read = readSync(handle, scratch, length, SMALL_FILE - length, null)
      length += read
      if (length === SMALL_FILE) return undefined
      if (read === 0) return scratch.subarray(0, length)
    }
  } finally {
    closeSync(handle)
  }
}

/** Writes a file that is not there yet. */
export function writeSmallFile(file: string, bytes: Uint8Array): void {
  writeFileSync(file, bytes, { flag: 'wx', mode: 0o644 })
}
