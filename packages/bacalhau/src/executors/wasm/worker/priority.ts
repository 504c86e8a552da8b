import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'
import { NICE, NO_THREAD } from '../weight.ts'

/**
 * Lets the node's own thread, which answers and watches, go before this one. Gives the number that the system knows this thread by,
 * or `NO_THREAD`: where threads have no priority of their own (elsewhere than on Linux), or a sandbox forbids it, all stay equal.
 */
export function stepBack(): number {
  try {
    // The system counts threads and processes in one; the name is `<process>/task/<thread>`.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, NICE)
    return thread
  } catch {
    // Nothing depends on it.
    return NO_THREAD
  }
}
