import type { Clock, Timer } from '../../../runtime/clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { failure, type Failure, size } from '../../wasm/failure.ts'
import type { Engine } from '../engine/engine.ts'

export interface DiskWatchOptions {
  readonly id: string
  readonly engine: Pick<Engine, 'inspect' | 'facts'>
  readonly clock: Clock
  /** Bytes that the container may write to its own files, results included. */
  readonly limit: number
  readonly onExceeded: (why: Failure) => void
}

/** How much of the time looking may take: the engine goes through all that was written. */
const SHARE = 20

/**
 * Looks again and again at how much a container has written, where the storage of the engine sets no bound itself. Between two
 * looks a job can write more than it may; what it leaves as results is bounded exactly when it is copied.
 */
export function watchDisk({ id, engine, clock, limit, onExceeded }: DiskWatchOptions): { stop(): void } {
  let stopped = engine.facts.boundsDisk
  let timer: Timer | undefined

  async function look(): Promise<void> {
    const begun = clock.monotonic()
    const { SizeRw = 0 } = await engine.inspect(id, true).catch(() => ({ SizeRw: 0 }))
    if (stopped) return
    if (SizeRw > limit) {
      const words = `the job wrote ${size(SizeRw)} to its disk, and may write ${size(limit)}`
      return onExceeded(failure('DiskLimit', words, 'Raise Resources.Disk in the spec, or write less.'))
    }
    wait(Math.max(LIMITS.containerWatch, (clock.monotonic() - begun) * SHARE))
  }

  function wait(pause: number): void {
    timer = clock.after(pause, () => void look())
  }

  if (!stopped) wait(LIMITS.containerWatch)
  return {
    stop() {
      stopped = true
      timer?.cancel()
    },
  }
}
