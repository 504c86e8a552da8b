import { isBacalhauError } from '../runtime/error.ts'
import { type BlockSource, demand } from './blocks/block-source.ts'
import { encodeCarHeader, encodeCarSection } from './car.ts'
import { blocksOf, type Selection } from './selection.ts'

/**
 * The blocks of a selection as a CAR, one chunk for each, without the first `skip` of them. When the path leads nowhere, the
 * CAR ends with the blocks that prove it. Throws `ContentNotFound` when a block is not in `source`.
 */
export async function* carOf(
  selection: Selection,
  source: BlockSource,
  skip = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeCarHeader(selection.cid)
  let index = 0
  try {
    for await (const cid of blocksOf(selection, source)) {
      index += 1
      if (index > skip) yield await demand(source, cid, (length) => encodeCarSection(cid, length))
    }
  } catch (error) {
    if (!isBacalhauError(error) || error.code !== 'NotFound') throw error
  }
}
