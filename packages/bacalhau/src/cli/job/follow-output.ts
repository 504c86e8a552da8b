import type { Client, LogOptions } from '@bacalhau/client'
import type { Io } from '../io.ts'
import { plainText } from '../terminal/plain.ts'

/**
 * Prints the output of a job, each stream to its own. A terminal gets it without control characters, since a job must not drive
 * the user's terminal; a file or a pipe gets it as it is.
 */
export async function printOutput(client: Client, id: string, io: Io, options: LogOptions): Promise<void> {
  for await (const { stream, text } of client.jobs.logs(id, options)) {
    const output = stream === 'stderr' ? io.err : io.out
    await output.write(output.isTerminal ? plainText(text) : text)
  }
}
