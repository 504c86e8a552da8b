import { messageOf } from '../../../../runtime/error.ts'
import { type Ending, failure, printable, RunEnded } from '../../failure.ts'
import { changeCalls } from './calls-change.ts'
import { clockCalls, createClocks } from './calls-clock.ts'
import { directoryCalls } from './calls-directory.ts'
import { descriptorCalls } from './calls-fd.ts'
import { ioCalls } from './calls-io.ts'
import { pathCalls } from './calls-path.ts'
import { pollCalls } from './calls-poll.ts'
import { processCalls } from './calls-process.ts'
import { statCalls } from './calls-stat.ts'
import { ERRNO, errnoOf, isDiskFull } from './errno.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { GuestProcess } from './process.ts'
import type { Syscall, SyscallTable } from './syscall.ts'
import { trap } from './trap.ts'

/** Namespace of WASI preview 1 among a module's imports. */
export const WASI = 'wasi_snapshot_preview1'

/** How the run stands. Once there is an ending, the job executes nothing more that matters. */
export interface RunState {
  ending: Ending | undefined
  /** A system call is under way. */
  inside: boolean
}

/** Every system call, by name. */
export function systemCalls(process: GuestProcess): SyscallTable {
  const readClock = createClocks()
  return {
    // A name such as `constructor` must not find anything.
    __proto__: null as never,
    ...processCalls(process),
    ...clockCalls(readClock),
    ...pollCalls(process.descriptors, readClock),
    ...ioCalls(process),
    ...descriptorCalls(process),
    ...statCalls(process),
    ...directoryCalls(process),
    ...pathCalls(process),
    ...changeCalls(process),
  }
}

/** Makes the function that a module calls: `call` with that module's memory, and all its ends turned into an errno or a trap. */
export function bindCall(
  call: Syscall,
  memory: GuestMemory,
  state: RunState,
): (...args: (number | bigint)[]) => number {
  return (...args) => {
    // An earlier call never came back: only an exhausted stack cuts one short so that even its own cleanup did not run.
    if (state.inside) state.ending ??= stackExhausted()
    if (state.ending !== undefined) trap()
    state.inside = true
    let errno: number = ERRNO.success
    try {
      call.run(memory, ...(args.map(withoutSign) as never[]))
    } catch (error) {
      errno = settle(error, state)
    }
    state.inside = false
    if (state.ending !== undefined) trap()
    return errno
  }
}

const withoutSign = (value: number | bigint) => (typeof value === 'bigint' ? BigInt.asUintN(64, value) : value >>> 0)

/** What an error is to the job: an errno, or the end. */
function settle(error: unknown, state: RunState): number {
  if (error instanceof RunEnded) state.ending = error.ending
  else if (isDiskFull(error))
    state.ending = failure('DiskFull', 'the disk of the node is full; what was written is kept')
  else if (isStackOverflow(error)) state.ending = stackExhausted()
  else return errnoOf(error) ?? crash(error, state)
  return ERRNO.io
}

function crash(error: unknown, state: RunState): number {
  state.ending = failure('SandboxCrashed', `the sandbox failed in a system call: ${printable(messageOf(error))}`)
  return ERRNO.io
}

export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message === 'Maximum call stack size exceeded'
}

export function stackExhausted(): Ending {
  return failure('WasmStackExhausted', 'the job called functions too deeply and ran out of stack')
}
