import { type Clock, systemClock } from './clock.ts'

const waiting: (() => void)[] = []

/**
 * Resolves when other work has had its turn. Whatever goes through very many things takes a step of some milliseconds and then
 * waits for its next turn; of all that wait, one goes on at a time. So the length of a step is what the process is held up by,
 * however many go through things at once.
 */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    if (waiting.push(resolve) === 1) setImmediate(goOn)
  })
}

function goOn(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(goOn)
}

/** How long a step may take, in milliseconds. */
const STEP = 4

/**
 * For whoever goes through very many things: asked after each of them, it gives the turn to wait for when a step has taken long
 * enough.
 */
export function steps(clock: Pick<Clock, 'monotonic'> = systemClock): () => Promise<void> | undefined {
  let begun = clock.monotonic()
  return () => {
    if (clock.monotonic() - begun < STEP) return undefined
    return turn().then(() => {
      begun = clock.monotonic()
    })
  }
}
