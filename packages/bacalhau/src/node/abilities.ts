import { type Capabilities, offered, type Offered } from '../compute/capabilities.ts'
import type { Clock } from '../runtime/clock.ts'

/** How often a node looks whether its engines, sources and publishers are still usable, in milliseconds. */
const LOOK_EVERY = 30_000

export interface Abilities {
  /** What was usable at the last look. */
  current(): Offered
  stop(): void
}

/** Looks at once and then again and again, so that an engine that is started or stopped later is noticed. */
export async function trackAbilities(
  capabilities: Capabilities,
  clock: Clock,
  onChange: () => void,
): Promise<Abilities> {
  let current = await offered(capabilities)
  let stopped = false

  async function look(): Promise<void> {
    const found = await offered(capabilities)
    if (stopped) return
    const changed = JSON.stringify(found) !== JSON.stringify(current)
    current = found
    if (changed) onChange()
    timer = clock.after(LOOK_EVERY, () => void look())
  }

  let timer = clock.after(LOOK_EVERY, () => void look())
  return {
    current: () => current,
    stop() {
      stopped = true
      timer.cancel()
    },
  }
}
