import type { CID } from 'multiformats/cid'
import { decode } from '@ipld/dag-pb'
import { BacalhauError } from '../../runtime/error.ts'
import { inlineData, RAW } from '../cid.ts'

/** Blocks by CID, and what they link to. */
export interface BlockSource {
  has(cid: CID): boolean
  /** The block, checked against its hash; undefined when it is not here. */
  get(cid: CID): Promise<Uint8Array | undefined>
  /** What the block links to, in order; undefined when it is not here. Reads only blocks that may have links. */
  links(cid: CID): Promise<readonly CID[] | undefined>
}

/** The block of `cid`. Throws `ContentNotFound`. */
export async function demand(source: BlockSource, cid: CID): Promise<Uint8Array> {
  const block = inlineData(cid) ?? (await source.get(cid))
  if (block === undefined)
    throw new BacalhauError('ContentNotFound', `This node does not have the block ${cid.toString()}.`)
  return block
}

/** The links in `block`. Throws `ContentInvalid` when it is not the dag-pb node that its CID says. */
export function linksOf(cid: CID, block: Uint8Array): CID[] {
  if (cid.code === RAW) return []
  return decodeNode(cid, block).Links.map((link) => link.Hash)
}

/** Decodes dag-pb (https://ipld.io/specs/codecs/dag-pb/spec/). Throws `ContentInvalid`. */
export function decodeNode(cid: CID, block: Uint8Array): ReturnType<typeof decode> {
  try {
    return decode(block)
  } catch (cause) {
    throw new BacalhauError('ContentInvalid', `The block ${cid.toString()} is not a well-formed dag-pb node.`, {
      cause,
    })
  }
}
