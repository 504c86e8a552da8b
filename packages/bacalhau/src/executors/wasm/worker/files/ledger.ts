import type { BigIntStats } from 'node:fs'
import { fail, size } from '../../failure.ts'

/** A file that is open for writing, by however many descriptors. */
export interface TrackedFile {
  readonly key: string
  /** Logical size in bytes: holes count. */
  size: number
  opens: number
}

/**
 * Keeps account of what a job adds to its writable mounts. Bytes are the logical sizes of files, so a sparse file costs
 * what it claims. What is taken is counted before the call that needs it, what is given back only after the call that
 * frees it: an interrupted call can make the account too high, never too low.
 */
export interface Ledger {
  /** Counts bytes; ends the run when there are more than the job may have. */
  takeBytes(count: number): void
  giveBytes(count: number): void
  takeFile(): void
  giveFile(): void
  /** Begins to follow a file's size. Each call needs one of `close`. */
  open(stat: BigIntStats): TrackedFile
  /** Counts what the file needs to reach `end`. */
  extend(file: TrackedFile, end: number): void
  /** Gives back what is beyond `end`. */
  shrink(file: TrackedFile, end: number): void
  /** Ends one `open`; `gone` when no name is left on the file, so that its bytes are free now. */
  close(file: TrackedFile, gone: boolean): void
  /** Gives back a name that was removed; its bytes too, unless other names or descriptors still hold the file. */
  removed(stat: BigIntStats): void
}

export interface LedgerLimits {
  /** Bytes. */
  readonly disk: number
  readonly files: number
}

export function createLedger(limits: LedgerLimits): Ledger {
  const tracked = new Map<string, TrackedFile>()
  const used = { bytes: 0, files: 0 }
  const ledger: Ledger = {
    takeBytes(count) {
      if (used.bytes + count > limits.disk) overDisk(limits.disk)
      used.bytes += count
    },
    giveBytes(count) {
      // Files that were there before the job were never counted: deleting them earns nothing beyond zero.
      used.bytes = Math.max(0, used.bytes - count)
    },
    takeFile() {
      if (used.files + 1 > limits.files) overFiles(limits.files)
      used.files += 1
    },
    giveFile() {
      used.files = Math.max(0, used.files - 1)
    },
    open(stat) {
      const key = keyOf(stat)
      const file = tracked.get(key) ?? { key, size: Number(stat.size), opens: 0 }
      tracked.set(key, file)
      file.opens += 1
      return file
    },
    extend(file, end) {
      if (end <= file.size) return
      ledger.takeBytes(end - file.size)
      file.size = end
    },
    shrink(file, end) {
      if (end >= file.size) return
      ledger.giveBytes(file.size - end)
      file.size = end
    },
    close(file, gone) {
      file.opens -= 1
      if (file.opens > 0) return
      tracked.delete(file.key)
      if (gone) ledger.giveBytes(file.size)
    },
    removed(stat) {
      ledger.giveFile()
      if (stat.nlink <= 1n && !stat.isDirectory() && !tracked.has(keyOf(stat))) ledger.giveBytes(Number(stat.size))
    },
  }
  return ledger
}

const keyOf = ({ dev, ino }: BigIntStats) => `${dev}:${ino}`

function overDisk(limit: number): never {
  return fail(
    'WasmDiskLimit',
    `the job wrote more than the ${size(limit)} that it may keep in its result folders`,
    'Raise Resources.Disk in the spec, or write less.',
  )
}

function overFiles(limit: number): never {
  return fail('WasmFileLimit', `the job created more than the ${limit} files and folders that it may have`)
}
