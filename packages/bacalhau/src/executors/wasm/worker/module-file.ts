import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { LIMITS } from '../../../runtime/limits.ts'
import { fail, printable, size } from '../failure.ts'
import { closeDirectory, enter, namesIn, openNode } from './files/directory.ts'
import { entryAt, type HostEntry } from './files/entry.ts'
import { type Place, resolve } from './files/resolve.ts'
import type { TreeNode } from './files/tree.ts'
import { errnoOf, ERRNO, refuse } from './wasi/errno.ts'

/** A module file in the job's own tree. */
export interface Located {
  /** As the job names it: the file, or a folder that holds it. */
  readonly path: string
  /** Guest path of the file itself. */
  readonly file: string
  /** Name of the file. */
  readonly name: string
}

/** Finds the file that a path means; a folder stands for the one `.wasm` file in it. `field` is for messages. */
export function locateModule(tree: TreeNode, path: string, field: string): Located {
  const file = visit(tree, path, field, (entry, place) => {
    if (entry?.stat.isFile() === true) return path
    const names = isFolder(entry) ? modulesIn(place) : []
    if (names.length === 1) return `${path.replace(/\/+$/, '')}/${names[0]}`
    const found = names.length === 0 ? 'no .wasm file' : `${names.length} .wasm files`
    return missing(field, path, `is a folder with ${found}, where exactly one is needed`)
  })
  return { path, file, name: file.split('/').at(-1) ?? file }
}

/** The content of a module file, within the size that a module may have. */
export function readModule(tree: TreeNode, { file }: Located): Uint8Array {
  return visit(tree, file, 'The module', (entry) => {
    if (entry?.stat.isFile() !== true) return missing('The module', file, 'is not a file')
    const fd = openSync(entry.path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const bytes = fstatSync(fd).size
      if (bytes > LIMITS.wasmModule)
        fail('WasmTooComplex', `${printable(file)} has ${size(bytes)}; a module may have ${size(LIMITS.wasmModule)}`)
      return readFileSync(fd)
    } finally {
      closeSync(fd)
    }
  })
}

/** Looks at what a guest path leads to, as the job itself would; `undefined` stands for a folder of the sandbox's own. */
function visit<T>(
  tree: TreeNode,
  path: string,
  field: string,
  use: (entry: HostEntry | undefined, place: Place) => T,
): T {
  const root = openNode(tree)
  try {
    return resolve(root, path.replace(/^\/+/, ''), 'always', (place) => {
      const entry = entryAt(place) ?? refuse('noent')
      return use(entry.kind === 'host' ? entry : undefined, place)
    })
  } catch (error) {
    const errno = errnoOf(error)
    if (errno === undefined) throw error
    return missing(
      field,
      path,
      errno === ERRNO.noent ? 'no input of the job has it' : `cannot be read (errno ${errno})`,
    )
  } finally {
    closeDirectory(root)
  }
}

const isFolder = (entry: HostEntry | undefined) => entry === undefined || entry.stat.isDirectory()

function modulesIn(place: Place): string[] {
  const folder = enter(place.directory, place.name)
  if ('link' in folder) return []
  try {
    return namesIn(folder).filter((name) => name.endsWith('.wasm'))
  } finally {
    closeDirectory(folder)
  }
}

function missing(field: string, path: string, why: string): never {
  return fail(
    'WasmModuleMissing',
    `${field} ${printable(path)}: ${why}`,
    `Give the job an input whose Target is ${printable(path)}.`,
  )
}
