import { hash } from 'node:crypto'
import { mkdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { ApiError } from '@bacalhau/client'
import type { SpecConfig } from '@bacalhau/models'
import { parseContentRef } from '../../content/cid.ts'
import { exportTo } from '../../content/export.ts'
import { resolve } from '../../content/selection.ts'
import { BacalhauError, isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { systemRandom } from '../../runtime/random.ts'
import { pause as pauseHere } from '../pause.ts'
import { plainLine } from '../terminal/plain.ts'
import { openBlockFile } from './block-file.ts'
import { fetchTree, type Source } from './fetch-tree.ts'
import { mergeInto } from './merge.ts'
import { createMeter } from './meter.ts'
import type { TransferWorld } from './transfer-world.ts'

export interface DownloadOptions extends TransferWorld {
  /** Waits a little before the next try. */
  readonly pause?: () => Promise<unknown>
}

/** Results that are not in IPFS, and the path of what is wanted of them; the empty one stands for all. */
export interface PublishedElsewhere {
  readonly published: SpecConfig
  readonly inner: string
}

/** One piece of content and where it goes. */
export interface Download {
  /** `<cid>` or `<cid>/name/name`, or what a publisher other than IPFS left. */
  readonly source: string | PublishedElsewhere
  /** Absolute path that the file or folder gets. A file goes into a folder that is there already, under its own name. */
  readonly target: string
}

/** Milliseconds between two tries to reach a node that does not answer. */
const PAUSE = 1_000

/**
 * Fetches content, all or nothing: everything is gathered beside its place, checked against its CIDs, and moved there at the end;
 * nothing that exists is overwritten. What was gathered when the user, the network or the disk ends it stays, and the same download
 * goes on from there. Resolves with the places, in order. Throws `Conflict` where something different is in the way.
 */
export async function download(
  client: Source,
  items: readonly Download[],
  options: DownloadOptions,
): Promise<readonly string[]> {
  const [first] = items
  if (first === undefined) return []
  const staging = await openStaging(items, first)
  try {
    const moves: { from: string; to: string }[] = []
    for (const [index, { source, target }] of items.entries()) {
      const from = path.join(staging, String(index))
      await (typeof source === 'string'
        ? fetchInto(client, source, from, options)
        : (await import('./fetch-published.ts')).fetchPublished(source, from, options))
      const name = path.posix.basename(typeof source === 'string' ? source : source.inner)
      moves.push({ from, to: await placeOf(from, target, name) })
    }
    // Only now, so that a failure of the last leaves nothing of the first.
    for (const { from, to } of moves) await mergeInto(from, to)
    await rm(staging, { recursive: true, force: true })
    return moves.map(({ to }) => to)
  } catch (error) {
    await options.progress.clear()
    if (systemCode(error) === 'ENOENT' && (await stat(staging).catch(() => undefined)) === undefined) {
      throw new BacalhauError('Conflict', `another command has fetched the same to ${first.target} meanwhile`, {
        hint: 'Look there; where something is missing, run this command again.',
        cause: error,
      })
    }
    if (!canGoOn(error, options.signal)) await rm(staging, { recursive: true, force: true })
    else await options.tell('What has come is kept: the same command goes on from there.')
    throw error
  } finally {
    await options.progress.clear()
  }
}

/** A folder beside the place, the same each time that the same things are fetched to it. */
async function openStaging(items: readonly Download[], { target }: Download): Promise<string> {
  const folder = await existingAncestor(path.dirname(target))
  const staging = path.join(folder, `.bacalhau-${hash('sha256', identityOf(items)).slice(0, 16)}`)
  await mkdir(staging, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw new BacalhauError('Forbidden', `cannot write into ${folder}: ${messageOf(error)}`, {
      hint: 'Choose another folder.',
    })
  })
  return staging
}

/** A URL is signed anew each time, for the same object. */
const identityOf = (items: readonly Download[]): string =>
  JSON.stringify(items, (key, value: unknown) => (key === 'PreSignedURL' ? undefined : value))

/** What ends a download without saying anything against its content. */
const canGoOn = (error: unknown, signal: AbortSignal): boolean =>
  signal.aborted ||
  (error instanceof ApiError && (error.status === 0 || error.status >= 500)) ||
  (isBacalhauError(error) && ['DiskFull', 'InputFailed'].includes(error.code))

async function fetchInto(client: Source, source: string, target: string, options: DownloadOptions): Promise<void> {
  if ((await stat(target).catch(() => undefined)) !== undefined) return
  const { progress, clock, signal, pause = () => pauseHere(PAUSE, signal) } = options
  const ref = parseContentRef(source)
  const file = `${target}.car`
  const blocks = await openBlockFile(file, ref.cid)
  try {
    const total = await sizeOf(client, source, signal)
    const meter = createMeter({ what: `fetching ${plainLine(source)}`, total, progress, clock })
    await meter.start(blocks.bytes)
    const onLost = (why: string) => progress.update(`the connection is lost (${plainLine(why)}); trying again`)
    await fetchTree(client, source, blocks, { onBytes: (count) => meter.add(count), onLost, pause, signal })
    const { skippedLinks } = await exportTo(target, await resolve(ref, blocks), blocks, systemRandom, { signal })
    if (skippedLinks.length > 0) {
      await progress.clear()
      await options.tell(`Warning: links that lead out of it are left out: ${plainLine(skippedLinks.join(', '))}`)
    }
  } finally {
    await blocks.close()
  }
  // The content is on the disk now; no need to have it there twice.
  await rm(file)
}

/** Bytes of a file or folder, near enough to show how far it is; undefined when that cannot be had. */
async function sizeOf({ data }: Source, source: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await data.ls(source, { signal })).reduce((sum, { Bytes }) => sum + Bytes, 0)
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ApiError) return undefined
    throw error
  }
}

async function placeOf(from: string, target: string, name: string): Promise<string> {
  const isFolder = async (file: string) => (await stat(file).catch(() => undefined))?.isDirectory() === true
  return !(await isFolder(from)) && (await isFolder(target)) ? path.join(target, name) : target
}

async function existingAncestor(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => undefined)
  if (found === undefined && path.dirname(folder) !== folder) return existingAncestor(path.dirname(folder))
  if (found?.isDirectory() === true) return folder
  throw new BacalhauError('Conflict', `${folder} is not a folder`)
}
