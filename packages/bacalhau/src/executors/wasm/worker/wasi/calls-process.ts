import { randomFillSync } from 'node:crypto'
import { RunEnded } from '../../failure.ts'
import { refuse } from './errno.ts'
import type { GuestMemory } from './guest-memory.ts'
import type { GuestProcess } from './process.ts'
import { syscall, type SyscallTable } from './syscall.ts'

/** Bytes of randomness at a time: no single call into the host runs for long. */
const RANDOM_CHUNK = 1 << 20

/** Arguments, environment, randomness, exit; and sockets, which a job does not have. */
export function processCalls({ args, environment, descriptors }: GuestProcess): SyscallTable {
  const noSocket = (_: GuestMemory, fd: number) => {
    descriptors.get(fd)
    refuse('notsock')
  }
  return {
    args_sizes_get: syscall('ii', (memory, count, size) => putSizes(memory, args, count, size)),
    args_get: syscall('ii', (memory, pointers, buffer) => putStrings(memory, args, pointers, buffer)),
    environ_sizes_get: syscall('ii', (memory, count, size) => putSizes(memory, environment, count, size)),
    environ_get: syscall('ii', (memory, pointers, buffer) => putStrings(memory, environment, pointers, buffer)),
    random_get: syscall('ii', (memory, pointer, length) => {
      const bytes = memory.bytes(pointer, length)
      for (let at = 0; at < bytes.length; at += RANDOM_CHUNK) randomFillSync(bytes.subarray(at, at + RANDOM_CHUNK))
    }),
    sched_yield: syscall('', () => {}),
    proc_exit: {
      params: 'i',
      returns: '',
      run: (_, code: number) => {
        throw new RunEnded({ kind: 'exited', exitCode: code })
      },
    },
    proc_raise: syscall('i', () => refuse('notsup')),
    sock_accept: syscall('iii', noSocket),
    sock_recv: syscall('iiiiii', noSocket),
    sock_send: syscall('iiiii', noSocket),
    sock_shutdown: syscall('ii', noSocket),
  }
}

const terminated = (text: string) => Buffer.from(`${text}\0`)

function putSizes(memory: GuestMemory, texts: readonly string[], count: number, size: number): void {
  memory.setU32(count, texts.length)
  memory.setU32(
    size,
    texts.reduce((sum, text) => sum + terminated(text).length, 0),
  )
}

function putStrings(memory: GuestMemory, texts: readonly string[], pointers: number, buffer: number): void {
  let at = buffer
  for (const [index, text] of texts.entries()) {
    const bytes = terminated(text)
    memory.setU32(pointers + 4 * index, at)
    memory.bytes(at, bytes.length).set(bytes)
    at += bytes.length
  }
}
