import type { SpecConfig } from '@bacalhau/models'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type ContentRef, formatContentRef, parseContentRef } from '../../content/cid.ts'
import type { Content } from '../../content/content.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { UNHEARD } from '../arrival.ts'
import type { DiskRoom } from '../disk-room.ts'
import type { InputCache } from '../input-cache.ts'
import { parseParams } from '../params.ts'
import type { InputSource } from '../source.ts'

const paramsSchema = z.strictObject({ CID: z.string().min(1).max(8_192), Path: z.string().max(8_192).optional() })

function refOf(spec: SpecConfig): ContentRef {
  const { CID, Path = '' } = parseParams(paramsSchema, spec)
  return parseContentRef(Path === '' ? CID : `${CID}/${Path}`)
}

export interface IpfsSourceOptions {
  readonly content: Pick<Content, 'has' | 'stat' | 'export'>
  readonly cache: InputCache
  readonly room: DiskRoom
  readonly maxBytes: number
}

/** What the blocks of a tree may have beyond its files. A file in very small pieces has about as much again. */
const overhead = (bytes: number): number => bytes + 1024 * 1024

/**
 * Content by CID, from this node or from its peers. `CID` may go on with a path, or `Path` says where below it. Inputs are
 * written to the cache, once for all executions that read them.
 */
export function createIpfsSource({ content, cache, room, maxBytes }: IpfsSourceOptions): InputSource {
  /** What the root says. Nothing else is fetched before there is room for as much. */
  async function sizeOf(ref: ContentRef, signal: AbortSignal): Promise<number> {
    const { bytes } = await content.stat(ref, { signal })
    if (bytes <= maxBytes) return bytes
    throw new BacalhauError('ContentTooLarge', `${formatContentRef(ref)} has more than ${maxBytes} bytes`, {
      hint: 'The operator of the node sets the bound with InputSources.MaxSize.',
    })
  }

  async function write(
    ref: ContentRef,
    bytes: number,
    target: string,
    signal: AbortSignal,
    onBytes: (count: number) => void,
  ) {
    // What comes from elsewhere is on the disk twice: as blocks, and as files.
    const release = await room.reserve((await content.has(ref)) ? bytes : 2 * bytes)
    try {
      return await content.export(ref, target, { signal, onBytes, maxBytes: bytes + overhead(bytes) })
    } finally {
      release()
    }
  }

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
    async prepare(spec, _folder, signal, _share, arrival = UNHEARD) {
      signal.throwIfAborted()
      const ref = refOf(spec)
      const bytes = cache.bytesOf(keyOf(ref)) ?? (await sizeOf(ref, signal))
      arrival.expect(bytes)
      const came = (count: number) => arrival.came(count)
      return cache.acquire(keyOf(ref), (...made) => write(ref, bytes, ...made), signal, came)
    },
  }
}

/** A file name for a CID and a path, which may be as long and as strange as they like. */
const keyOf = (ref: ContentRef): string => createHash('sha256').update(formatContentRef(ref)).digest('hex')
