import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Client } from '@bacalhau/client'
import { type AddedData, formatBytes } from '@bacalhau/models'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Progress } from '../terminal/progress.ts'
import { measure, packFolder } from './pack-folder.ts'

export interface UploadOptions {
  readonly cidVersion?: 0 | 1
  /** Puts a file into a folder, so that it keeps its name. */
  readonly wrap?: boolean
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** Puts a file or folder of this machine into the node. Throws `InputFailed` when it cannot be read. */
export async function upload(client: Client, file: string, options: UploadOptions): Promise<AddedData> {
  const { cidVersion = 0, wrap = false, progress, signal } = options
  const found = await stat(file).catch((error: unknown) => {
    const why = systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be read: ${messageOf(error)}`
    throw new BacalhauError('InputFailed', `${file} ${why}`)
  })
  if (!found.isFile() && !found.isDirectory())
    throw new BacalhauError('InputFailed', `${file} is neither a file nor a folder`)
  const total = await measure(file)
  const what = `uploading ${plainLine(path.basename(file))}`
  const meter = createMeter(what, total, progress)
  if (total >= WORTH_TELLING) await progress.update(`${what} (${formatBytes(total)})`)
  const content = found.isDirectory() ? packFolder(file, meter) : readWhole(file, meter)
  const name = wrap && found.isFile() ? { name: path.basename(file) } : {}
  try {
    return await client.data.add(content, { cidVersion, tar: found.isDirectory(), signal, ...name })
  } finally {
    await progress.clear()
  }
}

async function* readWhole(file: string, onBytes: (count: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of createReadStream(file, { highWaterMark: 262_144 })) {
    const bytes = chunk as Uint8Array
    onBytes(bytes.length)
    yield bytes
  }
}

/** Smaller things are over before anybody reads about them. In bytes. */
const WORTH_TELLING = 8_000_000
/** How far a transfer is, is told after so many bytes. */
const STEP = 4_000_000

/** Counts bytes and tells about them now and then. */
export function createMeter(what: string, total: number | undefined, progress: Progress): (count: number) => void {
  let [done, told] = [0, 0]
  const whole = total === undefined ? '' : ` of ${formatBytes(total)}`
  return (count) => {
    done += count
    if (done - told < STEP) return
    told = done
    // Whether it can be written must not matter to the transfer.
    void progress.detail(`${what}: ${formatBytes(done)}${whole}`).catch(() => {})
  }
}
