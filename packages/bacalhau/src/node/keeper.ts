import { parseCid } from '../content/cid.ts'
import type { Content } from '../content/content.ts'
import type { ResultKeeper } from '../orchestrator/custody/result-keeper.ts'
import { withDeadline } from '../runtime/abort.ts'
import { BacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'

/** Keeps results in this node's content. What lies here already is only pinned. */
export function createResultKeeper(content: Pick<Content, 'stat' | 'pin' | 'unpinAll'>): ResultKeeper {
  return {
    async keep(cid, from, name, maxBytes, signal) {
      const root = parseCid(cid)
      const options = { hints: [from], signal: withDeadline(signal, LIMITS.keptFetch) }
      // The root alone says how much there is, so that what is too large is not begun; a lie is found out while it comes.
      const { bytes } = await content.stat({ cid: root, path: [] }, options)
      if (bytes > maxBytes) {
        throw new BacalhauError('ContentTooLarge', `the result has ${bytes} bytes; at most ${maxBytes} are kept`)
      }
      await content.pin(root, { ...options, maxBytes, pinAs: name })
      return { bytes }
    },
    async release(name) {
      content.unpinAll(name)
    },
  }
}
