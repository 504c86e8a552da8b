import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'

export interface UploadBounds {
  /** Bytes of the largest upload. */
  readonly most: number
  /** Bytes that are free on the disk. Absent where nobody knows. */
  readonly freeDisk: (() => Promise<number>) | undefined
}

/** How much is taken in between two looks at the disk. */
const STEP = 64 * 1024 * 1024

/**
 * The same bytes, as long as there are not too many of them and the disk keeps `LIMITS.diskReserve` free, which the records of
 * jobs need. Throws `ContentTooLarge` or `DiskFull`, at once when `declared` (the length that the caller has announced) says
 * that it must come to that.
 */
export async function* bounded(
  source: AsyncIterable<Uint8Array>,
  declared: number | undefined,
  { most, freeDisk }: UploadBounds,
): AsyncGenerator<Uint8Array> {
  if (declared !== undefined && declared > most) throw tooLarge(most)
  await assertRoom(Math.min(declared ?? 0, most), freeDisk)
  let [bytes, looked] = [0, 0]
  for await (const chunk of source) {
    bytes += chunk.length
    if (bytes > most) throw tooLarge(most)
    if (bytes - looked >= STEP) {
      looked = bytes
      await assertRoom(0, freeDisk)
    }
    yield chunk
  }
}

async function assertRoom(needed: number, freeDisk: UploadBounds['freeDisk']): Promise<void> {
  const free = await freeDisk?.()
  if (free === undefined || free - needed >= LIMITS.diskReserve) return
  throw new BacalhauError(
    'DiskFull',
    `there is no room for this upload: ${free} bytes are free on the disk of the node`,
  )
}

function tooLarge(most: number): BacalhauError {
  return new BacalhauError('ContentTooLarge', `an upload may have ${most} bytes`, {
    hint: 'Split the data into several inputs.',
  })
}
