import { pipeline } from 'node:stream/promises'
import { unpackTar } from 'modern-tar/fs'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'

/** What an archive of content consists of. Anything else has no business in it. */
const KINDS: ReadonlySet<string> = new Set(['file', 'directory', 'symlink'])

/**
 * Writes a tar stream into `folder`. Nothing gets outside of it: paths that lead out and links that point out are refused.
 * Throws `ContentInvalid` for an archive that is broken or does such things, `DiskFull` when there is no space left.
 */
export async function unpack(archive: AsyncIterable<Uint8Array>, folder: string, signal: AbortSignal): Promise<void> {
  const into = unpackTar(folder, {
    strict: true,
    // The modes of the archive mean nothing, since a CID holds none.
    fmode: 0o644,
    dmode: 0o755,
    filter({ name, type = 'file' }) {
      if (KINDS.has(type)) return true
      throw new BacalhauError('ContentInvalid', `'${name}' is of the kind '${type}', which content never is`)
    },
  })
  try {
    await pipeline(archive, into, { signal })
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof BacalhauError || (error instanceof Error && 'hint' in error)) throw error
    if (systemCode(error) === 'ENOSPC') {
      throw new BacalhauError('DiskFull', `no space is left for ${folder}`, {
        hint: 'Choose another folder.',
        cause: error,
      })
    }
    throw new BacalhauError('ContentInvalid', `the answer of the node cannot be unpacked: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
