import type { SpecConfig } from '@bacalhau/models'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'
import { dataUrlSize, parseDataUrl } from './data-url.ts'

const paramsSchema = z.strictObject({ URL: z.string() })
const urlOf = (spec: SpecConfig): string => parseParams(paramsSchema, spec).URL

/** Content that the spec itself carries, as a `data:` URL. It becomes a file. */
export function createInlineSource(): InputSource {
  return {
    types: ['inline'],
    available: async () => true,
    validate(spec) {
      parseDataUrl(urlOf(spec))
    },
    measure: async (spec) => ({ bytes: dataUrlSize(urlOf(spec)), local: true }),
    async prepare(spec, folder, signal) {
      const { bytes } = parseDataUrl(urlOf(spec))
      const hostPath = path.join(folder, 'inline')
      await writeFile(hostPath, bytes, { mode: 0o400, signal })
      // The folder is private to the execution and goes with it.
      return { hostPath, kind: 'file', release: async () => undefined }
    },
  }
}
