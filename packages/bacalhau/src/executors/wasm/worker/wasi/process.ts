import type { Ledger } from '../files/ledger.ts'
import type { TimeBook } from '../files/time-book.ts'
import type { DescriptorTable } from './descriptors.ts'

/** What the system calls of one run share. */
export interface GuestProcess {
  readonly args: readonly string[]
  /** `NAME=value`, each. */
  readonly environment: readonly string[]
  readonly descriptors: DescriptorTable
  readonly ledger: Ledger
  readonly times: TimeBook
}
