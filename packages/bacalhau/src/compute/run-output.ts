import type { RunOutput } from '@bacalhau/models'
import { open } from 'node:fs/promises'
import { LIMITS } from '../runtime/limits.ts'
import { type ExecutionFolder, sizeOf } from './execution-folder.ts'

/** The head of the output, for the record of the execution. */
export async function summarise(folder: ExecutionFolder, exitCode: number, errorMessage: string): Promise<RunOutput> {
  const [stdout, stderr] = await Promise.all([readHead(folder.stdout), readHead(folder.stderr)])
  return {
    Stdout: stdout.text,
    StdoutTruncated: stdout.truncated,
    stderr: stderr.text,
    StderrTruncated: stderr.truncated,
    ExitCode: exitCode,
    ErrorMsg: errorMessage.slice(0, LIMITS.message),
  }
}

async function readHead(file: string): Promise<{ text: string; truncated: boolean }> {
  // Most files are empty, and to open one costs more than to ask.
  if (((await sizeOf(file)) ?? 0) === 0) return { text: '', truncated: false }
  const handle = await open(file, 'r')
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(LIMITS.outputSummary), 0, LIMITS.outputSummary, 0)
    // A streaming decoder holds back a character that the cut went through.
    const text = new TextDecoder().decode(buffer.subarray(0, bytesRead), { stream: true })
    return { text, truncated: (await handle.stat()).size > bytesRead }
  } finally {
    await handle.close()
  }
}
