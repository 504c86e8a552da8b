import { writeSync } from 'node:fs'
import type { Clock } from '../runtime/clock.ts'

/** Somewhere text goes: standard output, standard error, or a recording of them in a test. */
export interface Output {
  /** Resolves when the text is on its way; slow readers slow the writer down. */
  write(chunk: string | Uint8Array): Promise<void>
  readonly isTerminal: boolean
  /** Can what was written be written over? A terminal can, unless `TERM` calls it dumb. */
  readonly redraws: boolean
  /** Width and height of the terminal at this moment; of no meaning elsewhere. */
  readonly columns: number
  readonly rows: number
  /** Calls `listener` whenever the terminal gets another size. Gives what ends that. */
  onResize(listener: () => void): () => void
  /** Text that is written if the process ends before the given function is called: it puts the terminal in order. */
  lastWords(text: string): () => void
}

/** The outer world of one run of the command line. */
export interface Io {
  readonly out: Output
  readonly err: Output
  readonly input: AsyncIterable<Uint8Array>
  /** Does a person type the input? */
  readonly inputIsTerminal: boolean
  /** Gives each key that is typed from now on, unechoed, Ctrl-C included. Gives what ends that. Needs a terminal to type at. */
  keys(listener: (key: string) => void): () => void
  readonly env: Readonly<Record<string, string | undefined>>
  /** Folder that relative paths start from. */
  readonly cwd: string
  readonly clock: Clock
}

/** The process itself. Its streams are slow to make: each is made when it is first needed. */
export function processIo(process: NodeJS.Process, clock: Clock): Io {
  return {
    out: streamOutput(1, () => process.stdout, process),
    err: streamOutput(2, () => process.stderr, process),
    get input() {
      return process.stdin as AsyncIterable<Uint8Array>
    },
    get inputIsTerminal() {
      return process.stdin.isTTY
    },
    keys: (listener) => typedKeys(process.stdin, listener),
    env: process.env,
    cwd: process.cwd(),
    clock,
  }
}

function streamOutput(descriptor: number, open: () => NodeJS.WriteStream, process: NodeJS.Process): Output {
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
    get redraws() {
      return stream().isTTY && process.env['TERM'] !== 'dumb'
    },
    get columns() {
      // Some pseudo terminals have no size.
      return stream().columns || 80
    },
    get rows() {
      return stream().rows || 24
    },
    onResize(listener) {
      stream().on('resize', listener)
      return () => void stream().off('resize', listener)
    },
    lastWords(text) {
      // Nothing asynchronous happens any more when the process exits.
      const speak = () => void writeSync(descriptor, text)
      process.once('exit', speak)
      return () => void process.off('exit', speak)
    },
    write: (chunk) =>
      new Promise((resolve, reject) => {
        stream().write(chunk, (error) => (error ? reject(error) : resolve()))
      }),
  }
}

function typedKeys(input: NodeJS.ReadStream, listener: (key: string) => void): () => void {
  const onData = (bytes: Uint8Array) => listener(Buffer.from(bytes).toString())
  input.setRawMode(true)
  input.on('data', onData)
  return () => {
    input.off('data', onData).pause()
    input.setRawMode(false)
  }
}
