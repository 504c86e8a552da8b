import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { Client } from '@bacalhau/client'
import type { AddedData } from '@bacalhau/models'
import { BacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { plainLine } from '../terminal/plain.ts'
import { createMeter } from './meter.ts'
import { measure, packFolder } from '../../content/pack-folder.ts'
import type { TransferWorld } from './transfer-world.ts'

export interface UploadOptions extends Omit<TransferWorld, 'tell'> {
  readonly cidVersion?: 0 | 1
  /** Puts a file into a folder, so that it keeps its name. */
  readonly wrap?: boolean
}

/** Puts a file or folder of this machine into the node. Throws `InputFailed` when it cannot be read. */
export async function upload(client: Client, file: string, options: UploadOptions): Promise<AddedData> {
  const { cidVersion = 0, wrap = false, progress, clock, signal } = options
  const found = await stat(file).catch((error: unknown) => {
    const why = systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be read: ${messageOf(error)}`
    throw new BacalhauError('InputFailed', `${file} ${why}`)
  })
  if (!found.isFile() && !found.isDirectory())
    throw new BacalhauError('InputFailed', `${file} is neither a file nor a folder`)
  const total = await measure(file)
  const meter = createMeter({ what: `uploading ${plainLine(path.basename(file))}`, total, progress, clock })
  await meter.start(0)
  const count = (bytes: number) => meter.add(bytes)
  const content = found.isDirectory() ? packFolder(file, { onBytes: count }) : readWhole(file, count)
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
