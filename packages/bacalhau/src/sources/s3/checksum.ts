import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { BacalhauError } from '../../runtime/error.ts'

/**
 * Checks a file against what its publisher said of it (`ChecksumSHA256`, in base64), if that is known. Of an object that was sent in
 * parts it is the checksum of their checksums, which says nothing about the file. Throws `ContentInvalid`.
 */
export async function assertChecksum(file: string, expected: unknown, signal: AbortSignal): Promise<void> {
  if (typeof expected !== 'string' || expected === '' || expected.includes('-')) return
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024, signal })) hash.update(chunk as Buffer)
  const got = hash.digest('base64')
  if (got === expected) return
  throw new BacalhauError(
    'ContentInvalid',
    `the archive is not what was published: its checksum is ${got}, not ${expected}`,
  )
}
