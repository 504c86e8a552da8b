import { isBacalhauError } from '../runtime/error.ts'
import { type BlockSource, demand } from './blocks/block-source.ts'
import { encodeCarHeader, encodeCarSection } from './car.ts'
import { blocksOf, type Selection } from './selection.ts'

/** Chunks have about so many bytes: passing on many small ones costs more than putting them together. */
const CHUNK_BYTES = 512 * 1024

/**
 * The blocks of a selection as a CAR, without the first `skip` of them. When the path leads nowhere, the CAR ends with the
 * blocks that prove it. Throws `ContentNotFound` when a block is not in `source`.
 */
export async function* carOf(
  selection: Selection,
  source: BlockSource,
  skip = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  let parts = [encodeCarHeader(selection.cid)]
  let bytes = 0
  let index = 0
  try {
    for await (const cid of blocksOf(selection, source)) {
      index += 1
      if (index <= skip) continue
      const block = await demand(source, cid)
      parts.push(encodeCarSection(cid, block.length), block)
      bytes += block.length
      if (bytes < CHUNK_BYTES) continue
      yield Buffer.concat(parts)
      parts = []
      bytes = 0
    }
  } catch (error) {
    if (!isBacalhauError(error) || error.code !== 'NotFound') throw error
  }
  if (parts.length > 0) yield Buffer.concat(parts)
}
