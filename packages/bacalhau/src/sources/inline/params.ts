import type { SpecConfig } from '@bacalhau/models'
import type { CID } from 'multiformats/cid'
import { z } from 'zod'
import { parseCid } from '../../content/cid.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { parseParams } from '../params.ts'
import { parseDataUrl } from './data-url.ts'

/** The longest text between `data:` and `;base64,` that goes into `MediaType`. */
export const MAX_MEDIA_TYPE = 256

const paramsSchema = z.strictObject({
  URL: z.string().optional(),
  CID: z.string().max(128).optional(),
  MediaType: z.string().max(MAX_MEDIA_TYPE).optional(),
})

/** Content that an orchestrator took out of a spec and keeps. */
export interface KeptInline {
  readonly cid: CID
  /**
   * What stood between `data:` and `;base64,`, where the content is what came after. Without it, the content is the text of the
   * whole URL, which was written in another way.
   */
  readonly mediaType: string | undefined
}

/** What the parameters of an inline input say: a `data:` URL, or what was one. */
export type InlineParams = { readonly url: string } | { readonly kept: KeptInline }

/** Reads the parameters of an inline input, without looking into the URL. Throws `ValidationError` or `InvalidCid`. */
export function parseInlineParams(spec: SpecConfig): InlineParams {
  const { URL, CID, MediaType } = parseParams(paramsSchema, spec)
  if (URL !== undefined && CID === undefined && MediaType === undefined) return { url: URL }
  if (URL !== undefined || CID === undefined) {
    throw new BacalhauError(
      'ValidationError',
      'the inline input is not described rightly: URL is missing, or not alone',
    )
  }
  if (MediaType !== undefined) parseDataUrl(headOf(MediaType))
  return { kept: { cid: parseCid(CID), mediaType: MediaType } }
}

/** The beginning of a data URL, up to the data. */
export const headOf = (mediaType: string): string => `data:${mediaType};base64,`
