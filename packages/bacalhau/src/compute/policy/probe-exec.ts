import type { Job } from '@bacalhau/models'
import { spawn } from 'node:child_process'
import process from 'node:process'
import { LIMITS } from '../../runtime/limits.ts'
import type { Opinion } from './policy.ts'

const VARIABLE = 'BACALHAU_JOB_SELECTION_PROBE_DATA'
/** Linux takes no variable of 128 KiB; a larger job is on standard input only. */
const LARGEST_VARIABLE = 120_000

/**
 * Runs `bash -c <command>` with `{"Job": …}` on standard input and in a variable, and nothing else in the environment but PATH.
 * Exit code 0 takes the job; what else it writes to standard error is the reason. When `signal` aborts, the command and whatever
 * it began are killed.
 */
export const askCommand =
  (command: string, job: Job) =>
  async (signal: AbortSignal): Promise<Opinion> => {
    const data = JSON.stringify({ Job: job })
    const { code, errors } = await runCommand(command, data, signal)
    if (code === 0) return undefined
    const words = errors.trim()
    // The command itself is the operator's business.
    const reason =
      words === '' ? `accept jobs where its external command returns exit code ${code}` : `accept this job: ${words}`
    return { reason, later: false }
  }

interface Ended {
  readonly code: number
  readonly errors: string
}

async function runCommand(command: string, data: string, signal: AbortSignal): Promise<Ended> {
  signal.throwIfAborted()
  const variable = Buffer.byteLength(data) > LARGEST_VARIABLE ? {} : { [VARIABLE]: data }
  // Bash takes a socket on standard input for a login from elsewhere, and would read the files of the user first.
  const child = spawn('bash', ['--norc', '-c', command], {
    env: { PATH: process.env['PATH'], ...variable },
    stdio: ['pipe', 'ignore', 'pipe'],
    // A process group of its own, so that all of it can be ended.
    detached: true,
  })
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  let errors = ''
  child.stderr.setEncoding('utf8')
  child.stderr.on('data', (text: string) => (errors = (errors + text).slice(0, LIMITS.message)))
  // A command that does not read is no fault.
  child.stdin.on('error', () => undefined)
  child.stdin.end(data)
  child.on('error', (error) => reject(new Error(`its external command cannot be run (${error.message})`)))
  child.on('close', (code) => resolve({ code: code ?? -1, errors }))
  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid)
    reject(signal.reason)
  }
  signal.addEventListener('abort', kill, { once: true })
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}
