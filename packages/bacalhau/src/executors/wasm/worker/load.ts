import { fail, printable, RunEnded } from '../failure.ts'
import { HTTP_NAMESPACE } from '../http/messages.ts'
import type { ModuleFacts } from '../module-binary/inspect.ts'
import type { TreeNode } from './files/tree.ts'
import { type Located, locateModule, readModule } from './module-file.ts'
import { inspect } from './prepare.ts'
import { WASI } from './wasi/host.ts'

/** A module of a job, read and parsed, with what its imports are linked to. */
export interface LoadedModule {
  /** Name of the file. */
  readonly name: string
  readonly bytes: Uint8Array
  readonly facts: ModuleFacts
  /** By namespace, the modules that it imports from. */
  readonly links: ReadonlyMap<string, LoadedModule>
}

const HOST_NAMESPACES: readonly string[] = [WASI, HTTP_NAMESPACE]

/**
 * Reads the entry module and those that it needs, directly or not: a namespace is served by the one of `importModules`
 * whose path it is, or whose file name without `.wasm`, else by whatever module has it as its path. Gives them in the order in which to instantiate; the entry is last.
 */
export function loadModules(tree: TreeNode, entryModule: string, importModules: readonly string[]): LoadedModule[] {
  const libraries = importModules.map((path) => locateModule(tree, path, 'ImportModules'))
  const loaded = new Map<string, LoadedModule>()
  const serves = ({ path, name }: Located, namespace: string) =>
    path === namespace || name.replace(/\.wasm$/, '') === namespace

  const load = (located: Located, importers: readonly Located[]): LoadedModule => {
    const done = loaded.get(located.file)
    if (done !== undefined) return done
    const chain = [...importers, located]
    if (importers.some(({ file }) => file === located.file)) failCircle(chain)
    const bytes = readModule(tree, located)
    const facts = inspect(located.name, bytes)
    const links = new Map<string, LoadedModule>()
    for (const namespace of new Set(facts.imports.map(({ module }) => module))) {
      if (HOST_NAMESPACES.includes(namespace)) continue
      const library = libraries.find((candidate) => serves(candidate, namespace)) ?? moduleAt(tree, namespace)
      if (library !== undefined) links.set(namespace, load(library, chain))
    }
    const result = { name: located.name, bytes, facts, links }
    loaded.set(located.file, result)
    return result
  }
  load(locateModule(tree, entryModule, 'EntryModule'), [])
  return [...loaded.values()]
}

/** What a namespace leads to, taken as a path. If to nothing, whoever links the module says what is missing. */
function moduleAt(tree: TreeNode, namespace: string): Located | undefined {
  try {
    return locateModule(tree, namespace, 'The import')
  } catch (error) {
    if (error instanceof RunEnded) return undefined
    throw error
  }
}

function failCircle(chain: readonly Located[]): never {
  const names = chain.map(({ name }) => printable(name)).join(' → ')
  return fail('WasmInvalidModule', `the modules import each other in a circle: ${names}`)
}
