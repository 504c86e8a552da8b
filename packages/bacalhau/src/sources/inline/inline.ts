import type { SpecConfig } from '@bacalhau/models'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { parseParams } from '../params.ts'
import type { InputSource, PreparedInput } from '../source.ts'
import { type DataUrl, parseDataUrl } from './data-url.ts'
import { unpack } from './unpack.ts'

const paramsSchema = z.strictObject({ URL: z.string() })
const dataOf = (spec: SpecConfig): DataUrl => parseDataUrl(parseParams(paramsSchema, spec).URL)

const ARCHIVES: readonly string[] = ['application/gzip', 'application/x-gzip']

/** Content that the spec itself carries, as a `data:` URL: a file, or, as `application/gzip`, a folder in a tar archive. */
export function createInlineSource(): InputSource {
  return {
    types: ['inline'],
    available: async () => true,
    validate: (spec) => void dataOf(spec),
    measure: async (spec) => ({ bytes: sizeOf(dataOf(spec)), local: true }),
    async prepare(spec, folder, signal) {
      const { mediaType, bytes } = dataOf(spec)
      signal.throwIfAborted()
      const hostPath = path.join(folder, 'inline')
      try {
        if (!ARCHIVES.includes(mediaType)) {
          await writeFile(hostPath, bytes, { mode: 0o400, flag: 'wx', signal })
          return prepared(hostPath, 'file')
        }
        await unpack(bytes, hostPath, signal)
        return prepared(hostPath, 'folder')
      } catch (error) {
        await rm(hostPath, { recursive: true, force: true })
        throw error
      }
    },
  }
}

/** The folder is private to the execution and goes with it; releasing early only gives the space back sooner. */
function prepared(hostPath: string, kind: PreparedInput['kind']): PreparedInput {
  return { hostPath, kind, release: () => rm(hostPath, { recursive: true, force: true }) }
}

/** A gzip file ends with how many bytes it unpacks to, modulo 2^32 (RFC 1952); a lie is found out when it is unpacked. */
function sizeOf({ mediaType, bytes }: DataUrl): number {
  if (!ARCHIVES.includes(mediaType) || bytes.length < 18) return bytes.length
  return Buffer.from(bytes).readUInt32LE(bytes.length - 4)
}
