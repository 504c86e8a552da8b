import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { leadsInside } from '../content/export.ts'
import { packFolder } from '../content/pack-folder.ts'

/** Fast more than small: results are fetched a few times at most. */
const LEVEL = 1
const CHUNK = 256 * 1024

/**
 * A folder of results as a gzipped tar archive. Links that lead out of it are left out, and none is followed. Reading it fails
 * with the signal's reason when that aborts.
 */
export function archiveOf(folder: string, signal: AbortSignal): Readable {
  const gzip = createGzip({ level: LEVEL, chunkSize: CHUNK })
  const packed = Readable.from(packFolder(folder, { keepsLink: leadsInside }), { objectMode: false })
  // Whoever reads gets the error.
  pipeline(packed, gzip, { signal }).catch(() => undefined)
  return gzip
}
