import { ReadableStream } from 'node:stream/web'
import type { ParsedTarEntry } from 'modern-tar'
import { BacalhauError, isBacalhauError, messageOf } from '../runtime/error.ts'
import type { TreeEntry } from './add-tree.ts'
import { leadsInside } from './export.ts'

/** As long as paths may be on most systems; it bounds how deep folders nest as well. */
const MAX_PATH = 4_096

/**
 * The files, folders and links of a tar stream (POSIX ustar, pax and GNU names). Throws `BadRequest` for a broken archive, and
 * for links that lead out of it, hard links, devices and pipes. Where the paths lead is for whoever takes the entries to check.
 */
export async function* tarEntries(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TreeEntry> {
  // Loaded at the first upload of a folder: most nodes never see one.
  const { createTarDecoder } = await import('modern-tar')
  const entries = ReadableStream.from(archive).pipeThrough(createTarDecoder({ strict: true }))
  for await (const entry of readable(entries)) {
    yield toEntry(entry)
    // Whatever was not read of this one must be out of the way of the next.
    if (!entry.body.locked) await entry.body.cancel()
  }
}

function toEntry({ header, body }: ParsedTarEntry): TreeEntry {
  const { name: path, linkname: link = '', type = 'file' } = header
  if (path.length > MAX_PATH) throw refused(path, 'has too long a path')
  switch (type) {
    case 'file':
      return { path, content: readable(body) }
    case 'directory':
      return { path }
    case 'symlink':
      if (!leadsInside(link, path)) throw refused(path, 'is a link that leads out of the folder')
      return { path, link }
    default:
      throw refused(path, `is of the kind '${type}'; only files, folders and symbolic links can be added`)
  }
}

function refused(name: string, why: string): BacalhauError {
  return new BacalhauError('BadRequest', `the archive cannot be added: '${name.slice(0, 300)}' ${why}`)
}

/** Reads a stream of the decoder; its errors are about the archive. */
async function* readable<T>(stream: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* stream
  } catch (error) {
    if (isBacalhauError(error)) throw error
    throw new BacalhauError('BadRequest', `the archive cannot be read: ${messageOf(error)}`, { cause: error })
  }
}
