import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { InputSourceSpec, Job, SpecConfig, Task } from '@bacalhau/models'
import { type ContentRef, parseContentRef } from '../content/cid.ts'
import type { Content } from '../content/content.ts'
import { readWhole } from '../content/read-whole.ts'
import { ModuleError } from '../executors/wasm/module-binary/module-error.ts'
import { withNames } from '../executors/wasm/module-binary/names.ts'
import { archiveOf } from '../publishers/archive.ts'
import { LIMITS } from '../runtime/limits.ts'

export interface GoInputsOptions {
  readonly content: Pick<Content, 'has' | 'stat' | 'cat' | 'export'>
  /** The job with the data of its inline inputs in it. */
  readonly restore: (job: Job, signal: AbortSignal) => Promise<Job>
}

/**
 * A job as a Go node can run it: with the data of its inline inputs, and with what lies in the IPFS store of this node, such as
 * modules and files that a user gave to the command line. Such a node has an IPFS network of its own as a rule, and would look there
 * in vain. What is not here, or is more than `LIMITS.goInlined` together, stays a CID.
 */
export function createGoInputs({ content, restore }: GoInputsOptions): GoInputsOptions['restore'] {
  /** As long as an offer waits, its executions share what was read for them. */
  const prepared = new WeakMap<Job, Promise<Job>>()

  async function prepare(job: Job, signal: AbortSignal): Promise<Job> {
    const restored = await restore(job, signal)
    const budget = { left: LIMITS.goInlined }
    const Tasks = []
    for (const task of restored.Tasks) {
      const modules = modulesOf(task)
      const InputSources: InputSourceSpec[] = []
      for (const input of task.InputSources) {
        const source = await inlined(input.Source, content, budget, signal)
        InputSources.push({ ...input, Source: modules.has(input.Target) ? named(source) : source })
      }
      Tasks.push({ ...task, InputSources })
    }
    return { ...restored, Tasks }
  }

  return (job, signal) => {
    const known = prepared.get(job)
    if (known !== undefined) return known
    const made = prepare(job, signal)
    prepared.set(job, made)
    made.catch(() => prepared.delete(job))
    return made
  }
}

async function inlined(
  source: SpecConfig,
  content: GoInputsOptions['content'],
  budget: { left: number },
  signal: AbortSignal,
): Promise<SpecConfig> {
  const ref = refOf(source)
  if (ref === undefined || !(await content.has(ref))) return source
  const here = { offline: true, signal }
  const { kind, bytes } = await content.stat(ref, here)
  if (kind === 'symlink' || bytes > budget.left) return source
  budget.left -= bytes
  const URL =
    kind === 'file'
      ? fileUrl(await readWhole(content, ref, { ...here, maxBytes: bytes }))
      : dataUrl('application/gzip', await packed(content, ref, signal))
  return { Type: 'inline', Params: { URL } }
}

/** Where the inputs lie that a WebAssembly engine takes as its modules. */
function modulesOf({ Engine: { Type, Params = {} } }: Task): ReadonlySet<unknown> {
  if (Type.toLowerCase() !== 'wasm') return new Set()
  const { EntryModule, ImportModules } = Params
  return new Set([EntryModule, ...(Array.isArray(ImportModules) ? ImportModules : [])])
}

/** The engine of those releases refuses a module without a name section, such as compilers make for release. */
function named(source: SpecConfig): SpecConfig {
  const url = source.Params?.['URL']
  const data = typeof url === 'string' ? /^data:[^,]*;base64,/.exec(url) : null
  if (source.Type.toLowerCase() !== 'inline' || typeof url !== 'string' || data === null) return source
  const bytes = Buffer.from(url.slice(data[0].length), 'base64')
  if (!bytes.subarray(0, MODULE.length).equals(MODULE)) return source
  try {
    return { ...source, Params: { ...source.Params, URL: data[0] + Buffer.from(withNames(bytes)).toString('base64') } }
  } catch (error) {
    // The node says itself what is wrong with it.
    if (error instanceof ModuleError) return source
    throw error
  }
}

const MODULE = Buffer.from('\0asm')

const fileUrl = (bytes: Buffer): string =>
  dataUrl(bytes.subarray(0, 4).equals(MODULE) ? 'application/wasm' : 'application/octet-stream', bytes)

const dataUrl = (type: string, bytes: Buffer): string => `data:${type};base64,${bytes.toString('base64')}`

/** What content a source names; undefined for one that names none rightly. */
function refOf({ Type, Params = {} }: SpecConfig): ContentRef | undefined {
  if (Type.toLowerCase() !== 'ipfs') return undefined
  const text = (name: string) => Object.entries(Params).find(([key]) => key.toLowerCase() === name)?.[1]
  const [cid, within] = [text('cid'), text('path')]
  if (typeof cid !== 'string') return undefined
  try {
    return parseContentRef(typeof within === 'string' && within !== '' ? `${cid}/${within}` : cid)
  } catch {
    return undefined
  }
}

/** A folder as a Go node takes it: an archive, which it unpacks where the input is to be. */
async function packed(content: GoInputsOptions['content'], ref: ContentRef, signal: AbortSignal): Promise<Buffer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-go-'))
  try {
    const tree = path.join(folder, 'tree')
    await content.export(ref, tree, { offline: true, signal, maxBytes: LIMITS.goInlined })
    return await buffer(archiveOf(tree, signal))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
