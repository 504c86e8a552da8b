import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../runtime/error.ts'

/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const [PERMISSION, BUSY, READ_ONLY, IO_ERROR, CORRUPT, FULL, CANNOT_OPEN, NOT_A_DATABASE] = [
  3, 5, 8, 10, 11, 13, 14, 26,
]

const WAY_OUT =
  'The file was left as it is. `bacalhau store check` says what is wrong with it. Put a back-up in its place with ' +
  '`bacalhau store restore`, or move it away to begin with an empty store.'

/** What a failure of SQLite or of the file system means for `file`. Faults of the program stay as they are. */
export function storeError(error: unknown, file: string): unknown {
  if (isBacalhauError(error)) return error
  const cause = error
  switch (resultCode(error)) {
    case CORRUPT:
    case NOT_A_DATABASE:
      return corrupt(file, messageOf(error), cause)
    case FULL:
      return new BacalhauError('DiskFull', `No room left on the disk of ${file}.`, { cause })
    case PERMISSION:
    case BUSY:
    case READ_ONLY:
    case IO_ERROR:
    case CANNOT_OPEN:
      return new BacalhauError('DataDirUnusable', `${file} cannot be used: ${messageOf(error)}`, { cause })
    default:
      return error
  }
}

function resultCode(error: unknown): number | undefined {
  if (error instanceof Error && 'errcode' in error) return Number(error.errcode) & 0xff
  const code = systemCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') return FULL
  return code !== undefined && /^E[A-Z]+$/.test(code) ? CANNOT_OPEN : undefined
}

/** SQLite has come upon a page that makes no sense. */
export const isCorruption = (error: unknown): boolean => resultCode(error) === CORRUPT

export function corrupt(file: string, found: string, cause?: unknown): BacalhauError {
  return new BacalhauError('StoreCorrupt', `${file} is damaged or no store of bacalhau: ${found}`, {
    hint: WAY_OUT,
    cause,
  })
}

/** The disk has taken data and then lost it. */
export function syncFailed(file: string, cause: unknown): BacalhauError {
  return new BacalhauError('StoreCorrupt', `The disk of ${file} did not keep what was written: ${messageOf(cause)}`, {
    hint: 'Everything that was acknowledged before is there. Look after the disk, then start the node again.',
    cause,
  })
}
