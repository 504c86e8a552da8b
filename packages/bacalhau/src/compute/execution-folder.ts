import { mkdir, readdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../runtime/error.ts'

/** Where the files of one execution lie on this node. */
export interface ExecutionFolder {
  readonly root: string
  /** Inputs that are private to this execution. */
  readonly inputs: string
  /** What is published: `stdout`, `stderr`, `exitCode` and one folder for each result path. */
  readonly results: string
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: string
}

/** Ids become folder names, so nothing but what we generate ourselves may pass. */
const SAFE_ID = /^[A-Za-z0-9-]{1,128}$/

export const isSafeId = (executionId: string): boolean => SAFE_ID.test(executionId)

export function executionFolder(base: string, executionId: string): ExecutionFolder {
  if (!isSafeId(executionId)) throw new Error(`unsafe execution id ${JSON.stringify(executionId)}`)
  const root = path.join(base, executionId)
  const results = path.join(root, 'results')
  return {
    root,
    inputs: path.join(root, 'inputs'),
    results,
    stdout: path.join(results, 'stdout'),
    stderr: path.join(results, 'stderr'),
    exitCode: path.join(results, 'exitCode'),
  }
}

/** Makes the folder anew: whatever an earlier try left is gone. Only the node's own user can look inside. */
export async function createExecutionFolder(folder: ExecutionFolder, resultNames: readonly string[]): Promise<void> {
  const make = (place: string) => mkdir(place, { recursive: true, mode: 0o700 })
  if ((await make(folder.root)) === undefined) {
    await rm(folder.root, { recursive: true })
    await make(folder.root)
  }
  await Promise.all([folder.inputs, folder.results].map(make))
  await Promise.all(resultNames.map((name) => make(path.join(folder.results, name))))
}

/** Keeps the output, which can still be read, and frees the rest. */
export async function shrinkExecutionFolder(folder: ExecutionFolder): Promise<void> {
  await rm(folder.inputs, { recursive: true, force: true })
  const keep = new Set([folder.stdout, folder.stderr])
  for (const name of await namesIn(folder.results)) {
    const file = path.join(folder.results, name)
    if (!keep.has(file)) await rm(file, { recursive: true, force: true })
  }
}

/** Removes the folders of all executions that are not in `known`: a crash may have left them. */
export async function removeUnknownFolders(base: string, known: ReadonlySet<string>): Promise<void> {
  await mkdir(base, { recursive: true, mode: 0o700 })
  for (const name of await readdir(base)) {
    if (!known.has(name)) await rm(path.join(base, name), { recursive: true, force: true })
  }
}

/** An execution that was ended early may have no folder at all. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
