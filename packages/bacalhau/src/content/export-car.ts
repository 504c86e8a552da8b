import { isBacalhauError } from '../runtime/error.ts'
import { type BlockSource, demand } from './blocks/block-source.ts'
import { encodeCarHeader, encodeCarSection } from './car.ts'
import { blocksOf, type Selection } from './selection.ts'

/** Small blocks are handed on together, in pieces of about this size. Bytes. */
const PIECE = 64 * 1024

/** Blocks that are read and checked at a time, the first of which is sent next. More would only fight for the processor. */
const AHEAD = 2

/**
 * The blocks of a selection as a CAR, without the first `skip` of them. When the path leads nowhere, the CAR ends with the blocks
 * that prove it. Throws `ContentNotFound` when a block is not in `source`.
 */
export async function* carOf(
  selection: Selection,
  source: BlockSource,
  skip = 0,
): AsyncGenerator<Uint8Array, void, undefined> {
  let [waiting, size]: [Uint8Array[], number] = [[encodeCarHeader(selection.cid)], 0]
  const take = () => {
    const piece = Buffer.concat(waiting)
    ;[waiting, size] = [[], 0]
    return piece
  }
  for await (const block of sectionsOf(selection, source, skip)) {
    if (waiting.length > 0 && size + block.length > PIECE) yield take()
    if (block.length > PIECE) {
      yield block
      continue
    }
    waiting.push(block)
    size += block.length
  }
  if (waiting.length > 0) yield take()
}

async function* sectionsOf(
  selection: Selection,
  source: BlockSource,
  skip: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let index = 0
  const coming: Promise<Uint8Array>[] = []
  try {
    for await (const cid of blocksOf(selection, source)) {
      index += 1
      if (index <= skip) continue
      const section = demand(source, cid, (length) => encodeCarSection(cid, length))
      section.catch(() => {}) // reported when its turn comes, if it does
      if (coming.push(section) < AHEAD) continue
      const next = coming.shift()
      if (next !== undefined) yield await next
    }
  } catch (error) {
    if (!isBacalhauError(error) || error.code !== 'NotFound') throw error
  }
  for (const section of coming) yield await section
}
