import type { ErrorCode } from '../../runtime/error-catalogue.ts'

/** Why a job could not run to its own end. Crosses from the worker thread to the node as plain data. */
export interface Failure {
  readonly kind: 'failed'
  readonly code: ErrorCode
  readonly message: string
  readonly hint?: string
}

export type Ending = { readonly kind: 'exited'; readonly exitCode: number } | Failure

export function failure(code: ErrorCode, message: string, hint?: string): Failure {
  return { kind: 'failed', code, message, ...(hint === undefined ? {} : { hint }) }
}

/** Ends the run of a job from anywhere in the worker. */
export class RunEnded extends Error {
  override readonly name = 'RunEnded'
  readonly ending: Ending

  constructor(ending: Ending) {
    super(ending.kind === 'failed' ? ending.message : `exit ${ending.exitCode}`)
    this.ending = ending
  }
}

/** Throws the failure that ends the run. */
export function fail(code: ErrorCode, message: string, hint?: string): never {
  throw new RunEnded(failure(code, message, hint))
}

/** Characters that a name chosen by a job may add to a message. */
const NAME_LENGTH = 120

/** A name or text that a job chose, fit for a message: bounded, on one line, without control or direction characters. */
export function printable(text: string, length = NAME_LENGTH): string {
  const clean = text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
  const characters = Array.from(clean.slice(0, 2 * length + 2))
  return characters.length > length ? `${characters.slice(0, length).join('')}…` : clean
}

/** Bytes in a unit that people read. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1)
  return `${Number((bytes / 1024 ** step).toFixed(1))} ${units[step]}`
}
