import type { SpecConfig } from '@bacalhau/models'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type ContentRef, formatContentRef, parseContentRef } from '../../content/cid.ts'
import type { Content } from '../../content/content.ts'
import type { InputCache } from '../input-cache.ts'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'

const paramsSchema = z.strictObject({ CID: z.string().min(1).max(8_192), Path: z.string().max(8_192).optional() })

function refOf(spec: SpecConfig): ContentRef {
  const { CID, Path = '' } = parseParams(paramsSchema, spec)
  return parseContentRef(Path === '' ? CID : `${CID}/${Path}`)
}

/**
 * Content by CID, from this node or from its peers. `CID` may go on with a path, or `Path` says where below it. Inputs are
 * written to `cache`, once for all executions that read them.
 */
export function createIpfsSource(content: Pick<Content, 'has' | 'stat' | 'export'>, cache: InputCache): InputSource {
  return {
    types: ['ipfs'],
    available: async () => true,
    validate: (spec) => void refOf(spec),
    async measure(spec, signal) {
      const ref = refOf(spec)
      const cached = cache.bytesOf(keyOf(ref))
      if (cached !== undefined) return { bytes: cached, local: true }
      const { bytes } = await content.stat(ref, { signal })
      return { bytes, local: await content.has(ref) }
    },
    prepare: async (spec, _folder, signal) => {
      const ref = refOf(spec)
      return cache.acquire(keyOf(ref), (target, signal) => content.export(ref, target, { signal }), signal)
    },
  }
}

/** A file name for a CID and a path, which may be as long and as strange as they like. */
const keyOf = (ref: ContentRef): string => createHash('sha256').update(formatContentRef(ref)).digest('hex')
