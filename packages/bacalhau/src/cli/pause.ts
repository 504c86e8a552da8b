import { setTimeout as pauseFor } from 'node:timers/promises'

/** Waits some milliseconds; keeps the process alive meanwhile, unlike a timer of the clock. Throws the signal's reason when it aborts. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await pauseFor(milliseconds, undefined, { signal })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
