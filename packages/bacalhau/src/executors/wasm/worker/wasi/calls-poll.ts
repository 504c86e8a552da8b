import { CLOCK, type ReadClock } from './calls-clock.ts'
import type { DescriptorTable } from './descriptors.ts'
import { ERRNO, errnoOf, refuse } from './errno.ts'
import type { GuestMemory } from './guest-memory.ts'
import { syscall, type SyscallTable } from './syscall.ts'

/** Layout of `subscription` and `event` in bytes, and of the fields inside. */
const SUBSCRIPTION = { size: 48, userData: 0, kind: 8, clock: 16, timeout: 24, flags: 40, fd: 16 } as const
const EVENT = { size: 32, userData: 0, errno: 8, kind: 10, bytes: 16, flags: 24 } as const
const KIND = { clock: 0, fdRead: 1, fdWrite: 2 } as const
const ABSOLUTE_TIME = 1
const MAX_SUBSCRIPTIONS = 1_024

interface Subscription {
  readonly userData: bigint
  readonly kind: number
  /** Nanoseconds to wait from now; 0 for what is ready. */
  readonly wait: bigint
  readonly errno: number
}

/** Waiting for time to pass. Files and standard streams are always ready: none of them is a pipe. */
export function pollCalls(descriptors: DescriptorTable, readClock: ReadClock): SyscallTable {
  return {
    poll_oneoff: syscall('iiii', (memory, subscriptions, events, count, result) => {
      if (count > MAX_SUBSCRIPTIONS || count === 0) refuse('inval')
      memory.bytes(events, EVENT.size * count)
      const wanted = Array.from({ length: count }, (_, index) =>
        readSubscription(memory, subscriptions + SUBSCRIPTION.size * index, { descriptors, readClock }),
      )
      const soonest = wanted.reduce((least, { wait }) => (wait < least ? wait : least), wanted[0]?.wait ?? 0n)
      sleep(soonest)
      const due = wanted.filter(({ wait }) => wait <= soonest)
      for (const [index, event] of due.entries()) writeEvent(memory, events + EVENT.size * index, event)
      memory.setU32(result, due.length)
    }),
  }
}

function readSubscription(
  memory: GuestMemory,
  at: number,
  { descriptors, readClock }: { descriptors: DescriptorTable; readClock: ReadClock },
): Subscription {
  const kind = memory.getU8(at + SUBSCRIPTION.kind)
  const userData = memory.getU64(at + SUBSCRIPTION.userData)
  const ready = { userData, kind, wait: 0n, errno: ERRNO.success }
  try {
    switch (kind) {
      case KIND.clock:
        return { ...ready, wait: readWait(memory, at, readClock) }
      case KIND.fdRead:
      case KIND.fdWrite:
        descriptors.get(memory.getU32(at + SUBSCRIPTION.fd))
        return ready
      default:
        return refuse('inval')
    }
  } catch (error) {
    const errno = errnoOf(error)
    // A bad subscription is an event of its own; a pointer out of bounds is not.
    if (errno === undefined || errno === ERRNO.fault) throw error
    return { ...ready, errno }
  }
}

function readWait(memory: GuestMemory, at: number, readClock: ReadClock): bigint {
  const clock = memory.getU32(at + SUBSCRIPTION.clock)
  const timeout = memory.getU64(at + SUBSCRIPTION.timeout)
  const flags = memory.getU16(at + SUBSCRIPTION.flags)
  if (clock !== CLOCK.realtime && clock !== CLOCK.monotonic) refuse('notsup')
  const wait = flags & ABSOLUTE_TIME ? timeout - readClock(clock) : timeout
  return wait > 0n ? wait : 0n
}

/** Blocks this thread. Ending the worker from outside wakes it. */
function sleep(nanoseconds: bigint): void {
  if (nanoseconds === 0n) return
  const flag = new Int32Array(new SharedArrayBuffer(4))
  Atomics.wait(flag, 0, 0, Number(nanoseconds) / 1e6)
}

function writeEvent(memory: GuestMemory, at: number, { userData, errno, kind }: Subscription): void {
  memory.setU64(at + EVENT.userData, userData)
  memory.setU16(at + EVENT.errno, errno)
  memory.setU8(at + EVENT.kind, kind)
  memory.setU64(at + EVENT.bytes, kind === KIND.clock ? 0n : 1n)
  memory.setU16(at + EVENT.flags, 0)
}
