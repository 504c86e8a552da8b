import { messageOf } from '../runtime/error.ts'
import { CATALOGUE } from '../runtime/error-catalogue.ts'
import type { Io } from './io.ts'
import { plainText } from './terminal/plain.ts'
import { styleFor } from './terminal/style.ts'

/** Writes an error to standard error, with what to do about it. Its words may come from another machine: they are made plain. */
export async function printFailure(error: unknown, io: Io, noColor: boolean): Promise<void> {
  const style = styleFor(io.err, io.env, noColor)
  await io.err.write(`${style.red('Error:')} ${plainText(messageOf(error))}\n`)
  const hint = hintOf(error)
  if (hint !== undefined) await io.err.write(`${style.yellow('Hint:')}  ${plainText(hint)}\n`)
  if (io.env['DEBUG'] === 'true' && error instanceof Error) await io.err.write(`${plainText(error.stack ?? '')}\n`)
}

const UNREACHABLE = 'Start a node with `bacalhau serve`, or name one with --api-host and --api-port.'

function hintOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  // The client library cannot know how its user names a node. What it knows better (certificates, names) stays.
  if ('hint' in error && error.hint === CATALOGUE.Unreachable.hint) return UNREACHABLE
  if ('hint' in error) return typeof error.hint === 'string' && error.hint !== '' ? error.hint : undefined
  return 'code' in error
    ? undefined
    : 'This is a fault of the program; please report it. DEBUG=true shows where it happened.'
}
