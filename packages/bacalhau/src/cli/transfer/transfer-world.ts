import type { Invocation } from '../command.ts'
import type { Clock } from '../../runtime/clock.ts'
import { createProgress, type Progress } from '../terminal/progress.ts'
import { styleFor } from '../terminal/style.ts'

/** What a transfer needs besides what is transferred. */
export interface TransferWorld {
  readonly progress: Progress
  readonly clock: Clock
  /** Tells the user what is good to know, in a sentence. */
  readonly tell: (text: string) => Promise<unknown>
  readonly signal: AbortSignal
  /** URL of the node that is asked; another machine if not given. */
  readonly node?: string
  /** Where credentials for other places than IPFS are found. */
  readonly env?: Readonly<Record<string, string | undefined>>
}

type World = Pick<Invocation<{}>, 'io' | 'signal'> & { readonly flags: { readonly 'no-color': boolean } }

/** Progress and warnings of a transfer on standard error. */
export const transferWorld = ({ io, flags, signal }: World): TransferWorld => ({
  progress: createProgress(io.err, styleFor(io.err, io.env, flags['no-color']), io.clock),
  clock: io.clock,
  tell: (text) => io.err.write(`${text}\n`),
  signal,
  env: io.env,
})
