import { lutimesSync } from 'node:fs'
import type { HostFolder } from '../files/host-folder.ts'
import type { FileStat } from '../files/stat.ts'
import type { Times } from '../files/time-book.ts'
import { refuse } from './errno.ts'

/** `fstflags` of WASI preview 1. */
const TIMES = { accessed: 1, accessedNow: 2, modified: 4, modifiedNow: 8 } as const

/** The times that a job asks for; what it does not name stays as it is. */
export function chosenTimes(flags: number, accessed: bigint, modified: bigint, present: FileStat): Times {
  const both = (one: number, other: number) => (flags & one) !== 0 && (flags & other) !== 0
  if (flags > 15 || both(TIMES.accessed, TIMES.accessedNow) || both(TIMES.modified, TIMES.modifiedNow)) refuse('inval')
  const choose = (given: number, now: number, value: bigint, kept: bigint) => {
    if (flags & now) return BigInt(Date.now()) * 1_000_000n
    return flags & given ? value : kept
  }
  return {
    accessed: choose(TIMES.accessed, TIMES.accessedNow, accessed, present.accessed),
    modified: choose(TIMES.modified, TIMES.modifiedNow, modified, present.modified),
  }
}

/** Times in seconds, as Node takes them. */
export const inSeconds = ({ accessed, modified }: Times): [accessed: number, modified: number] => [
  Number(accessed) / 1e9,
  Number(modified) / 1e9,
]

/** Sets the times of an entry itself, never of what a link points to. */
export function setTimesAt(host: HostFolder | undefined, name: string, times: Times): void {
  if (host === undefined || host.mount.readOnly) refuse('rofs')
  lutimesSync(host.at(name), ...inSeconds(times))
}
