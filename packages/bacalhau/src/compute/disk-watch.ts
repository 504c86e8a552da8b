import { formatBytes } from '@bacalhau/models/units'
import type { Clock, Timer } from '../runtime/clock.ts'
import { messageOf } from '../runtime/error.ts'
import type { Stoppable } from '../runtime/lifecycle.ts'
import { LIMITS } from '../runtime/limits.ts'
import type { Logger } from '../runtime/logger.ts'

export interface DiskWatchOptions {
  /** Bytes of the disk that are free now. */
  readonly free: () => Promise<number>
  /** Bytes that are to stay free. */
  readonly floor: number
  /** Called at every look while there are fewer: frees what can be done without. */
  readonly relieve: () => void
  readonly clock: Clock
  readonly logger: Logger
}

/** Looks again and again whether the disk has room for work. */
export interface DiskWatch extends Stoppable {
  /** Why there is no room, in one sentence; undefined while there is. */
  shortage(): string | undefined
}

/** Looks once before it resolves. A disk that cannot be asked is taken for what it was. */
export async function startDiskWatch({ free, floor, relieve, clock, logger }: DiskWatchOptions): Promise<DiskWatch> {
  let shortage: string | undefined
  let stopped = false
  let timer: Timer | undefined

  async function look(): Promise<void> {
    try {
      const bytes = await free()
      if (stopped) return
      const before = shortage
      shortage = bytes >= floor ? undefined : sentence(bytes, floor)
      if (shortage === undefined && before !== undefined) logger.info({ bytes }, 'the disk has room again')
      if (shortage !== undefined && before === undefined) logger.warn({ bytes, floor }, `${shortage}; it takes no work`)
      if (shortage !== undefined) relieve()
    } catch (error) {
      logger.warn({ error: messageOf(error) }, 'cannot find out how much of the disk is free')
    }
  }

  async function lookAgain(): Promise<void> {
    await look()
    if (!stopped) timer = clock.after(LIMITS.diskLook, () => void lookAgain())
  }

  await lookAgain()
  return {
    shortage: () => shortage,
    async stop() {
      stopped = true
      timer?.cancel()
    },
  }
}

const sentence = (free: number, floor: number): string =>
  `this node is short of disk: ${formatBytes(free)} are free, and ${formatBytes(floor)} are to stay so`
