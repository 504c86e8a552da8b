import { Interruption } from '../interruption.ts'
import type { Io } from '../io.ts'

const LONGEST = 4_096

/** A password that is typed unseen, or the first line of standard input where nobody types. */
export async function readPassword(io: Io, signal: AbortSignal): Promise<string> {
  if (!io.inputIsTerminal) return firstLine(io.input)
  await io.err.write('Password: ')
  try {
    return await typed(io, signal)
  } finally {
    await io.err.write('\n')
  }
}

async function firstLine(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of input) {
    chunks.push(chunk)
    length += chunk.length
    if (chunk.includes(10) || length > LONGEST) break
  }
  return Buffer.concat(chunks).toString().split(/\r?\n/, 1)[0] ?? ''
}

function typed(io: Io, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const finish = (settle: () => void) => {
      stop()
      settle()
    }
    const stop = io.keys((keys) => {
      for (const key of keys) {
        if (key === '\u0003' || key === '\u0004') return finish(() => reject(new Interruption('SIGINT')))
        if (key === '\r' || key === '\n') return finish(() => resolve(text))
        text = key === '\u007f' || key === '\b' ? text.slice(0, -1) : text + key
      }
    })
    signal.addEventListener('abort', () => finish(() => reject(signal.reason as Error)), { once: true })
  })
}
