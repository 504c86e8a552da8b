import { openSync } from 'node:fs'
import { type Ending, fail, printable, RunEnded } from '../failure.ts'
import { privateExports } from '../module-binary/confine.ts'
import { typeOfFunction } from '../module-binary/inspect.ts'
import type { SandboxJob } from '../thread.ts'
import { openNode } from './files/directory.ts'
import { createLedger } from './files/ledger.ts'
import { createTimeBook } from './files/time-book.ts'
import { buildTree, type TreeNode } from './files/tree.ts'
import { HTTP_NAMESPACE } from '../http/messages.ts'
import { httpCalls } from './http/calls.ts'
import { callIfExported, type LinkedModule, linkModule, memoryBytes } from './link.ts'
import { type LoadedModule, loadModules } from './load.ts'
import { type PlannedModule, planModules } from './prepare.ts'
import { describeTrap } from './trap-report.ts'
import { createDescriptors, type DescriptorTable } from './wasi/descriptors.ts'
import { type RunState, systemCalls, WASI } from './wasi/host.ts'
import { openOutput } from './wasi/output-file.ts'
import type { GuestProcess } from './wasi/process.ts'
import { DIRECTORY_RIGHTS, FILE_RIGHTS, RIGHT, STREAM_RIGHTS } from './wasi/rights.ts'

/** Gets the compiled form of modules, from the node or by compiling. */
export type CompileModules = (modules: readonly PlannedModule[]) => Promise<readonly WebAssembly.Module[]>

export interface RunHooks {
  readonly compile: CompileModules
  readonly onOutput: () => void
  readonly onRoll: () => void
}

/** How a run ended, and whether its thread is as good as before: it is after a clean end, and when no code of the job ran. */
export interface RunEnd {
  readonly ending: Ending
  readonly reusable: boolean
}

/** Memory of a job, in bytes, beyond which its thread is not used again: as garbage it would linger. */
const REUSE_MEMORY = 64 * 1024 * 1024

/** Runs a job in this thread, from opening its output files to its end. Rejects only for faults that are not the job's. */
export async function runJob(job: SandboxJob, hooks: RunHooks): Promise<RunEnd> {
  const state: RunState = { ending: undefined, inside: false }
  const ledger = createLedger(job.limits)
  const descriptors = createDescriptors(ledger)
  const linked: LinkedModule[] = []
  const end = (ending: Ending): RunEnd => {
    const clean = ending.kind === 'exited' || linked.length === 0
    return { ending, reusable: clean && linked.reduce((sum, one) => sum + memoryBytes(one), 0) <= REUSE_MEMORY }
  }
  openStreams(descriptors, job, hooks)
  try {
    const tree = buildTree(job.mounts)
    const modules = planModules(loadModules(tree, job.entryModule, job.importModules), job.limits.memoryPages)
    const entry = modules.at(-1)
    if (entry !== undefined) checkEntrypoint(entry, job.entrypoint)
    for (const module of modules) checkCallable(module, '_initialize')
    const compiled = await hooks.compile(modules)
    preopenRoot(descriptors, tree)
    const process: GuestProcess = {
      args: [entry?.name ?? '', ...job.parameters],
      environment: Object.entries(job.environment).map(([name, value]) => `${name}=${value}`),
      descriptors,
      ledger,
      times: createTimeBook(),
    }
    const hosts = new Map([[WASI, systemCalls(process)]])
    if (job.http !== undefined) hosts.set(HTTP_NAMESPACE, httpCalls(job.http))
    const linkage = { hosts, state, linked: new Map<LoadedModule['bytes'], LinkedModule>() }
    for (const [index, module] of modules.entries()) {
      const instance = linkModule(
        module,
        compiled[index] ?? fail('SandboxCrashed', 'a module was not compiled'),
        linkage,
      )
      linked.push(instance)
      start(instance, module === entry ? job.entrypoint : undefined)
    }
    return end(state.ending ?? { kind: 'exited', exitCode: 0 })
  } catch (error) {
    return end(state.ending ?? (error instanceof RunEnded ? error.ending : describeTrap(error, linked)))
  } finally {
    descriptors.closeAll()
  }
}

/** Runs what a module runs before anyone calls it, then the entry point, if it is the entry module. */
function start(linked: LinkedModule, entrypoint: string | undefined): void {
  callIfExported(linked, privateExports(linked.module.facts).start)
  // A module without `_start` is a "reactor", which is initialised by this function and then called.
  if (entrypoint !== '_start' && entrypoint !== '_initialize') callIfExported(linked, '_initialize')
  if (entrypoint !== undefined) callIfExported(linked, entrypoint)
}

function checkEntrypoint(module: PlannedModule, entrypoint: string): void {
  if (checkCallable(module, entrypoint)) return
  const functions = module.facts.exports.filter(({ kind }) => kind === 'function')
  const names = functions.slice(0, 20).map((entry) => printable(entry.name))
  const more = functions.length > names.length ? `, and ${functions.length - names.length} more` : ''
  fail(
    'WasmMissingEntrypoint',
    `${printable(module.name)} exports no function "${printable(entrypoint)}"; it exports ${names.join(', ') || 'no function'}${more}`,
    'Name one of them as Entrypoint, or build the module as a program with a main function.',
  )
}

/** Does the module export such a function? Ends the run when it has one that takes parameters. */
function checkCallable({ name, facts }: PlannedModule, functionName: string): boolean {
  const found = facts.exports.find((entry) => entry.kind === 'function' && entry.name === functionName)
  if (found === undefined) return false
  const { length } = typeOfFunction(facts, found.index).params
  if (length > 0)
    fail(
      'WasmMissingEntrypoint',
      `"${printable(functionName)}" of ${printable(name)} takes ${length} parameters; an entry point takes none`,
    )
  return true
}

/** Descriptors 0, 1 and 2. */
function openStreams(descriptors: DescriptorTable, job: SandboxJob, { onOutput, onRoll }: RunHooks): void {
  const { stdinPath, stdoutPath, stderrPath } = job
  const limit = job.limits.output
  const hostFd = stdinPath === undefined ? undefined : openSync(stdinPath, 'r')
  const common = { inheriting: 0, flags: 0 }
  descriptors.add({ kind: 'input', ...common, rights: STREAM_RIGHTS | RIGHT.fdRead, hostFd, offset: 0 })
  for (const path of [stdoutPath, stderrPath]) {
    const file = openOutput({ path, limit, onWrite: onOutput, onRoll })
    descriptors.add({ kind: 'output', ...common, rights: STREAM_RIGHTS | RIGHT.fdWrite, file })
  }
}

/**
 * Descriptor 3: the root of the job's tree. Nothing else: with it, C libraries resolve absolute and relative paths alike,
 * and `/outputs/../inputs` means what it says.
 */
function preopenRoot(descriptors: DescriptorTable, root: TreeNode): void {
  const inheriting = DIRECTORY_RIGHTS | FILE_RIGHTS
  const directory = openNode(root)
  descriptors.add({
    kind: 'directory',
    rights: DIRECTORY_RIGHTS,
    inheriting,
    flags: 0,
    directory,
    preopen: '/',
    listing: [],
  })
}
