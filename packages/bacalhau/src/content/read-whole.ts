import { BacalhauError } from '../runtime/error.ts'
import { type ContentRef, formatContentRef } from './cid.ts'
import type { Content } from './content.ts'
import type { GetOptions } from './reach.ts'

/** All bytes of a file in one piece. Throws `ContentTooLarge` for more than `maxBytes`, without reading them. */
export async function readWhole(
  content: Pick<Content, 'stat' | 'cat'>,
  ref: ContentRef,
  options: GetOptions & { readonly maxBytes: number },
): Promise<Buffer> {
  const { bytes } = await content.stat(ref, options)
  if (bytes > options.maxBytes) {
    const what = formatContentRef(ref)
    throw new BacalhauError('ContentTooLarge', `${what} has ${bytes} bytes; at most ${options.maxBytes} are read here.`)
  }
  return Buffer.concat(await Array.fromAsync(content.cat(ref, options)))
}
