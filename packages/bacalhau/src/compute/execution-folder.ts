import { mkdir, readdir, rm, rmdir, stat, unlink } from 'node:fs/promises'
import path from 'node:path'
import { type Joined, joinSegments } from '../executors/rolling-output.ts'
import { systemCode } from '../runtime/error.ts'
import { isSafeId } from './safe-id.ts'

/** Where the files of one execution lie on this node. */
export interface ExecutionFolder {
  /** `<base>/<orchestrator>/<execution id>`: the path itself says, also after a restart, who may read the output. */
  readonly root: string
  /** Inputs that are private to this execution lie in `<inputs>-0` and so on. */
  readonly inputs: string
  /** What is published: `stdout`, `stderr`, `exitCode` and one folder for each result path. */
  readonly results: string
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: string
}

export interface ExecutionName {
  readonly orchestrator: string
  readonly executionId: string
}

export function executionFolder(base: string, { orchestrator, executionId }: ExecutionName): ExecutionFolder {
  if (!isSafeId(executionId) || !isSafeId(orchestrator)) {
    throw new Error(`unsafe execution id ${JSON.stringify([orchestrator, executionId])}`)
  }
  const root = path.join(base, orchestrator, executionId)
  const results = path.join(root, 'results')
  return {
    root,
    inputs: path.join(root, 'input'),
    results,
    stdout: path.join(results, 'stdout'),
    stderr: path.join(results, 'stderr'),
    exitCode: path.join(results, 'exitCode'),
  }
}

/**
 * Makes the folder anew: whatever an earlier try left is gone, except inputs that are still `inUse`. Only the node's own user
 * can look inside.
 */
export async function createExecutionFolder(
  folder: ExecutionFolder,
  resultNames: readonly string[],
  inUse = false,
): Promise<void> {
  const mode = 0o700
  try {
    await mkdir(folder.root, { mode })
  } catch (error) {
    // There already, or the first one of its orchestrator.
    if (systemCode(error) === 'EEXIST') await rm(inUse ? folder.results : folder.root, { recursive: true, force: true })
    await mkdir(folder.root, { recursive: true, mode })
  }
  await mkdir(folder.results, { mode })
  for (const name of resultNames) await mkdir(path.join(folder.results, name), { mode })
}

/** Joins what rolled of the output. Nobody may write any more. */
export async function joinOutput({ stdout, stderr }: ExecutionFolder): Promise<{ stdout?: Joined; stderr?: Joined }> {
  const [out, error] = await Promise.all([joinSegments(stdout), joinSegments(stderr)])
  return { ...(out === undefined ? {} : { stdout: out }), ...(error === undefined ? {} : { stderr: error }) }
}

/** Keeps the output, which can still be read, and frees the rest. Gives the bytes of the output; of none nothing is left. */
export async function shrinkExecutionFolder(folder: ExecutionFolder): Promise<number> {
  const output = await Promise.all([folder.stdout, folder.stderr].map(sizeOf))
  const bytes = output.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  if (bytes === 0) {
    await removeSilent(folder).catch(() => rm(folder.root, { recursive: true, force: true }))
    return 0
  }
  const remove = (parent: string, keep: readonly string[]) => async (name: string) => {
    const place = path.join(parent, name)
    if (!keep.includes(place)) await rm(place, { recursive: true, force: true })
  }
  for (const name of await namesIn(folder.root)) await remove(folder.root, [folder.results])(name)
  for (const name of await namesIn(folder.results)) await remove(folder.results, [folder.stdout, folder.stderr])(name)
  return bytes
}

/** Removes a folder with nothing but what every execution has: a third of the calls that a search of the whole tree takes. */
async function removeSilent({ root, results, stdout, stderr }: ExecutionFolder): Promise<void> {
  await Promise.all([stdout, stderr].map((file) => unlink(file)))
  await rmdir(results)
  await Promise.all((await readdir(root)).map((name) => rmdir(path.join(root, name))))
  await rmdir(root)
}

/** An execution whose folder is here. */
export interface Leftover extends ExecutionName {
  readonly root: string
  /** When something was last made or removed in it. Milliseconds since the Unix epoch. */
  readonly changed: number
}

/** The folders that a former process left, the oldest first. What is none of ours is removed. */
export async function leftovers(base: string): Promise<Leftover[]> {
  await mkdir(base, { recursive: true, mode: 0o700 })
  const found: Leftover[] = []
  for (const orchestrator of await namesIn(base)) {
    const theirs = path.join(base, orchestrator)
    for (const executionId of await namesIn(theirs)) {
      const root = path.join(theirs, executionId)
      if (isSafeId(orchestrator) && isSafeId(executionId)) {
        found.push({ orchestrator, executionId, root, changed: (await stat(root)).mtimeMs })
      } else await rm(root, { recursive: true, force: true })
    }
    // Only when it is empty.
    await rmdir(theirs).catch(() => undefined)
  }
  return found.toSorted((a, b) => a.changed - b.changed)
}

/** An execution that was ended early may have no folder at all, and a stray file has no names. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return []
    throw error
  }
}

/** Bytes of a file, or undefined when there is none. */
export async function sizeOf(file: string): Promise<number | undefined> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
