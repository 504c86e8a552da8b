import { messageOf } from '../../../runtime/error.ts'
import type { Logger } from '../../../runtime/logger.ts'
import type { Engine } from '../engine/engine.ts'

export interface Removals {
  /** Whatever happens in `work`, the containers that it owns go, the last one first; nobody has to wait for that. */
  owning<T>(engine: Engine, work: (own: (id: string) => void) => Promise<T>): Promise<T>
  /** Resolves when all that were begun are done. */
  settled(): Promise<void>
}

/** `later` takes a container that could not be removed. */
export function createRemovals(logger: Logger, later: (id: string) => void): Removals {
  const underWay = new Set<Promise<void>>()

  async function remove(engine: Engine, ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      try {
        await engine.remove(id)
      } catch (error) {
        logger.warn({ id, error: messageOf(error) }, 'cannot remove a container; it is tried again')
        later(id)
      }
    }
  }

  return {
    async owning(engine, work) {
      const owned: string[] = []
      try {
        return await work((id) => owned.unshift(id))
      } finally {
        const removal: Promise<void> = remove(engine, owned).finally(() => underWay.delete(removal))
        underWay.add(removal)
      }
    },
    async settled() {
      await Promise.allSettled(underWay)
    },
  }
}
