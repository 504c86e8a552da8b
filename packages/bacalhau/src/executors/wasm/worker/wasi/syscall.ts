import type { GuestMemory } from './guest-memory.ts'

/**
 * One function of WASI preview 1. It succeeds by returning, and fails by throwing: a `WasiError` or an error of the host's
 * file system becomes an errno, `RunEnded` ends the job.
 */
export interface Syscall {
  /** Parameters as letters: `i` for 32 bits, `I` for 64. All give back a 32-bit errno, but for those that never return. */
  readonly params: string
  readonly returns: 'i' | ''
  readonly run: (memory: GuestMemory, ...args: readonly never[]) => void
}

export type SyscallTable = Readonly<Record<string, Syscall>>

/** What a parameter letter is in JavaScript. */
type Arguments<Params extends string> = Params extends `${infer Letter}${infer Rest}`
  ? [Letter extends 'I' ? bigint : number, ...Arguments<Rest>]
  : []

/** Declares a system call; the letters give the types of `run`'s parameters. 64-bit numbers come without sign. */
export function syscall<const Params extends string>(
  params: Params,
  run: (memory: GuestMemory, ...args: Arguments<Params>) => void,
): Syscall {
  return { params, returns: 'i', run: run as Syscall['run'] }
}
