import type { CID } from 'multiformats/cid'
import { decode } from '@ipld/dag-pb'
import { BacalhauError } from '../../runtime/error.ts'
import { inlineData, RAW } from '../cid.ts'

/** Blocks by CID, and what they link to. */
export interface BlockSource {
  has(cid: CID): boolean
  /**
   * The block, checked against its hash; undefined when it is not here. With `headOf`, what that gives for the length of the
   * block comes before it, in one piece of memory, so that both can be sent without another copy.
   */
  get(cid: CID, headOf?: HeadOf): Promise<Uint8Array | undefined>
  /** What the block links to, in order; undefined when it is not here. Reads only blocks that may have links. */
  links(cid: CID): Promise<readonly CID[] | undefined>
}

export type HeadOf = (length: number) => Uint8Array
export const NO_HEAD = new Uint8Array()

export function withHead(block: Uint8Array, head: Uint8Array): Uint8Array {
  return head.length === 0 ? block : Buffer.concat([head, block])
}

/** The block of `cid`, after its head if one is wanted. Throws `ContentNotFound`. */
export async function demand(source: BlockSource, cid: CID, headOf?: HeadOf): Promise<Uint8Array> {
  const inline = inlineData(cid)
  if (inline !== undefined) return withHead(inline, headOf?.(inline.length) ?? NO_HEAD)
  const block = await source.get(cid, headOf)
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
