import type { SpecConfig } from '@bacalhau/models'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type ContentRef, formatContentRef, parseContentRef } from '../../content/cid.ts'
import type { Content } from '../../content/content.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'
import { InputCache } from './input-cache.ts'

const paramsSchema = z.strictObject({ CID: z.string().min(1).max(8_192), Path: z.string().max(8_192).optional() })

function refOf(spec: SpecConfig): ContentRef {
  const { CID, Path = '' } = parseParams(paramsSchema, spec)
  return parseContentRef(Path === '' ? CID : `${CID}/${Path}`)
}

/** Content by CID, from this node or from its peers. `CID` may go on with a path, or `Path` says where below it. */
export async function createIpfsSource(
  content: Pick<Content, 'has' | 'stat' | 'export'>,
  folder: string,
): Promise<InputSource> {
  const cache = await InputCache.open(folder, LIMITS.inputCache)
  return {
    types: ['ipfs'],
    available: async () => true,
    validate: (spec) => void refOf(spec),
    async measure(spec, signal) {
      const ref = refOf(spec)
      const { bytes } = await content.stat(ref, { signal })
      return { bytes, local: cache.has(keyOf(ref)) || (await content.has(ref)) }
    },
    async prepare(spec, _folder, signal) {
      const ref = refOf(spec)
      const key = keyOf(ref)
      const input = await cache.acquire(key, (target) => content.export(ref, target, { signal }))
      let released = false
      return {
        ...input,
        async release() {
          if (released) return
          released = true
          await cache.release(key)
        },
      }
    },
  }
}

/** A file name for a CID and a path, which may be as long and as strange as they like. */
const keyOf = (ref: ContentRef): string => createHash('sha256').update(formatContentRef(ref)).digest('hex')
