import type { Content } from '../../content/content.ts'
import { giveTo } from '../../content/kubo/give.ts'
import type { KuboRpc } from '../../content/kubo/rpc.ts'
import { BacalhauError, isBacalhauError, messageOf } from '../../runtime/error.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Publisher } from '../publisher.ts'
import { resultPin } from './result-pins.ts'

/**
 * Puts results into this node's content, pinned by the day, where peers and the gateway find them by CID. A Kubo that the operator
 * has named gets them too, and pins them.
 */
export function createIpfsPublisher(
  content: Pick<Content, 'add' | 'car'>,
  clock: Pick<Clock, 'now'>,
  kubo?: KuboRpc,
): Publisher {
  return {
    type: 'ipfs',
    available: async () => true,
    // It takes no parameters of its own; older specs send some, for other networks, that mean nothing here.
    validate: () => undefined,
    async publish({ folder }, signal) {
      try {
        const { cid } = await content.add(folder, { signal, pinAs: resultPin(clock.now()) })
        if (kubo !== undefined)
          await giveTo(kubo, cid, content.car({ cid, path: [] }, { signal, offline: true }), signal)
        return { Type: 'ipfs', Params: { CID: cid.toString() } }
      } catch (error) {
        signal.throwIfAborted()
        if (isBacalhauError(error) && error.code === 'DiskFull') throw error
        throw new BacalhauError('PublishFailed', `the results could not be published: ${messageOf(error)}`, {
          cause: error,
        })
      }
    },
  }
}
