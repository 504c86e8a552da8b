import type { FileStat } from './stat.ts'

/** Times of access and modification in nanoseconds since the Unix epoch. */
export type Times = Pick<FileStat, 'accessed' | 'modified'>

/**
 * Remembers times as a job has set them. Node sets the times of a file as fractions of a second, which around now are some
 * 200 ns apart; a program that compares what it has set with what it finds would take the file for changed.
 */
export interface TimeBook {
  /** The facts of a file with the times that were set, as long as nobody has touched it since. */
  exactly(stat: FileStat): FileStat
  /** `stat`: what the host shows after `times` were set. */
  note(stat: FileStat, times: Times): void
}

/** Files that are remembered; beyond them, the oldest are forgotten. */
const MOST = 10_000
/** What the host may round. Nanoseconds; more is no rounding, but a time that the file system cannot have. */
const ROUNDING = 1_000n

export function createTimeBook(): TimeBook {
  const entries = new Map<string, { readonly shown: Times; readonly exact: Times }>()
  return {
    exactly(stat) {
      const entry = entries.get(keyOf(stat))
      if (entry === undefined) return stat
      const pick = (name: keyof Times) => (stat[name] === entry.shown[name] ? entry.exact[name] : stat[name])
      return { ...stat, accessed: pick('accessed'), modified: pick('modified') }
    },
    note(stat, times) {
      const pick = (name: keyof Times) => (isClose(stat[name], times[name]) ? times[name] : stat[name])
      const key = keyOf(stat)
      entries.delete(key)
      entries.set(key, { shown: stat, exact: { accessed: pick('accessed'), modified: pick('modified') } })
      for (const oldest of entries.keys()) {
        if (entries.size <= MOST) break
        entries.delete(oldest)
      }
    },
  }
}

const keyOf = ({ device, inode }: FileStat) => `${device}:${inode}`

const isClose = (one: bigint, other: bigint) => one - other < ROUNDING && other - one < ROUNDING
