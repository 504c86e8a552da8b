import { refuse } from './errno.ts'
import { syscall, type SyscallTable } from './syscall.ts'

/** Clocks of WASI preview 1. */
export const CLOCK = { realtime: 0, monotonic: 1, processTime: 2, threadTime: 3 } as const

const MICROSECOND = 1_000n
const MILLISECOND = 1_000_000n

/** Nanoseconds on a clock by its number; fails for a number that is no clock. */
export type ReadClock = (clock: number) => bigint

/** A job is one thread, so both CPU clocks are the same; they start at zero with the run. */
export function createClocks(): ReadClock {
  const cpuAtStart = cpuTime()
  return (clock) => {
    switch (clock) {
      case CLOCK.realtime:
        return BigInt(Date.now()) * MILLISECOND
      case CLOCK.monotonic:
        return process.hrtime.bigint()
      case CLOCK.processTime:
      case CLOCK.threadTime:
        return cpuTime() - cpuAtStart
      default:
        return refuse('inval')
    }
  }
}

/** CPU time of this thread in nanoseconds, where this Node can tell; else time that passed. */
function cpuTime(): bigint {
  if (typeof process.threadCpuUsage !== 'function') return process.hrtime.bigint()
  const { user, system } = process.threadCpuUsage()
  return BigInt(user + system) * MICROSECOND
}

export function clockCalls(read: ReadClock): SyscallTable {
  return {
    clock_res_get: syscall('ii', (memory, clock, result) => {
      read(clock)
      memory.setU64(result, clock === CLOCK.realtime ? MILLISECOND : clock === CLOCK.monotonic ? 1n : MICROSECOND)
    }),
    clock_time_get: syscall('iIi', (memory, clock, _precision, result) => memory.setU64(result, read(clock))),
  }
}
