import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Client } from '@bacalhau/client'
import { BacalhauError, messageOf } from '../../runtime/error.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Progress } from '../terminal/progress.ts'
import { mergeInto } from './merge.ts'
import { unpack } from './unpack.ts'
import { createMeter } from './upload.ts'

export interface DownloadOptions {
  readonly progress: Progress
  readonly signal: AbortSignal
}

/** The part of a client that is needed here. */
type Source = { readonly data: Pick<Client['data'], 'get'> }

/** One piece of content and where it goes. */
export interface Download {
  /** `<cid>` or `<cid>/name/name`. */
  readonly source: string
  /** Absolute path that the file or folder gets. A file goes into a folder that is there already, under its own name. */
  readonly target: string
}

/**
 * Fetches content, all or nothing: everything is gathered beside its place and moved there at the end, and nothing that exists
 * is overwritten. Resolves with the places, in order. Throws `Conflict` where something different is in the way.
 */
export async function download(
  client: Source,
  items: readonly Download[],
  options: DownloadOptions,
): Promise<readonly string[]> {
  const [first] = items
  if (first === undefined) return []
  const folder = await existingAncestor(path.dirname(first.target))
  const staging = await mkdtemp(path.join(folder, '.bacalhau-')).catch((error: unknown) => {
    throw new BacalhauError('Forbidden', `cannot write into ${folder}: ${messageOf(error)}`, {
      hint: 'Choose another folder.',
    })
  })
  try {
    const moves: { from: string; to: string }[] = []
    for (const [index, { source, target }] of items.entries()) {
      const part = path.join(staging, String(index))
      await fetchInto(client, source, part, options)
      const from = path.join(part, await onlyEntry(part, source))
      moves.push({ from, to: await placeOf(from, target, path.posix.basename(source)) })
    }
    // Only now, so that a failure of the last leaves nothing of the first.
    for (const { from, to } of moves) await mergeInto(from, to)
    return moves.map(({ to }) => to)
  } finally {
    await rm(staging, { recursive: true, force: true })
    await options.progress.clear()
  }
}

async function fetchInto(
  client: Source,
  source: string,
  folder: string,
  { progress, signal }: DownloadOptions,
): Promise<void> {
  const archive = await client.data.get(source, { format: 'tar', signal })
  const meter = createMeter(`fetching ${plainLine(source)}`, undefined, progress)
  await unpack(counted(archive, meter), folder, signal)
}

async function* counted(chunks: ReadableStream<Uint8Array>, meter: (count: number) => void) {
  for await (const chunk of chunks) {
    meter(chunk.length)
    yield chunk
  }
}

async function placeOf(from: string, target: string, name: string): Promise<string> {
  const isFolder = async (file: string) => (await stat(file).catch(() => undefined))?.isDirectory() === true
  return !(await isFolder(from)) && (await isFolder(target)) ? path.join(target, name) : target
}

/** The archive holds one file or folder, named after its CID. */
async function onlyEntry(folder: string, source: string): Promise<string> {
  const [name, second] = await readdir(folder)
  if (name !== undefined && second === undefined) return name
  throw new BacalhauError('ContentInvalid', `the node did not answer with the content of ${source}`)
}

async function existingAncestor(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined)
  if (found === undefined && path.dirname(folder) !== folder) return existingAncestor(path.dirname(folder))
  if (found?.isDirectory() === true) return folder
  throw new BacalhauError('Conflict', `${folder} is not a folder`)
}
