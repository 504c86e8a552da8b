import type { Clock } from '../runtime/clock.ts'

/** Somewhere text goes: standard output, standard error, or a recording of them in a test. */
export interface Output {
  /** Resolves when the text is on its way; slow readers slow the writer down. */
  write(chunk: string | Uint8Array): Promise<void>
  readonly isTerminal: boolean
  /** Width of the terminal in columns; of no meaning elsewhere. */
  readonly columns: number
}

/** The outer world of one run of the command line. */
export interface Io {
  readonly out: Output
  readonly err: Output
  readonly input: AsyncIterable<Uint8Array>
  /** Does a person type the input? */
  readonly inputIsTerminal: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths start from. */
  readonly cwd: string
  readonly clock: Clock
}

/** The process itself. Its streams are slow to make: each is made when it is first needed. */
export function processIo(process: NodeJS.Process, clock: Clock): Io {
  return {
    out: streamOutput(() => process.stdout),
    err: streamOutput(() => process.stderr),
    get input() {
      return process.stdin as AsyncIterable<Uint8Array>
    },
    get inputIsTerminal() {
      return process.stdin.isTTY
    },
    env: process.env,
    cwd: process.cwd(),
    clock,
  }
}

function streamOutput(open: () => NodeJS.WriteStream): Output {
  let opened: NodeJS.WriteStream | undefined
  const stream = () => {
    // Whoever writes learns of a failure; unheard, the event would end the process.
    opened ??= open().on('error', () => {})
    return opened
  }
  return {
    get isTerminal() {
      return stream().isTTY
    },
    get columns() {
      // Some pseudo terminals have no width.
      return stream().columns || 80
    },
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stream().write(chunk, (error) => (error ? reject(error) : resolve()))
      }),
  }
}
