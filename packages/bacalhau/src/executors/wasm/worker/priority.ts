import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/** On the scale of `nice`: where processors are scarce, the node's own thread gets three times the share of this one. */
const NICE = 5

/**
 * Lets the node's own thread, which answers and watches, go before this one. Where threads have no priority of their own
 * (elsewhere than on Linux), or a sandbox forbids it, all stay equal.
 */
export function stepBack(): void {
  try {
    // The system counts threads and processes in one; the name is `<process>/task/<thread>`.
    const thread = readlinkSync('/proc/thread-self').split('/').at(-1)
    setPriority(Number(thread), NICE)
  } catch {
    // Nothing depends on it.
  }
}
