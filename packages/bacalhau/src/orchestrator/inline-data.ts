import type { InputSourceSpec, SpecConfig, Task } from '@bacalhau/models'
import { hash } from 'node:crypto'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { parseDataUrl } from '../sources/inline/data-url.ts'
import { createVaultSweep } from './vault-sweep.ts'
import { headOf, type KeptInline, MAX_MEDIA_TYPE, parseInlineParams } from '../sources/inline/params.ts'

/** Durable bytes, by content: what is put twice is there once. */
export interface DataVault {
  /** Resolves to the CID of `bytes` when they are durable. Throws `DiskFull`. */
  put(bytes: Uint8Array): Promise<string>
  /** Throws `ContentNotFound`. */
  get(cid: string, signal?: AbortSignal): Promise<Uint8Array>
  has(cid: string): Promise<boolean>
  /** Everything that was put and not dropped. */
  list(): readonly string[]
  /** Need not be kept any more. */
  drop(cid: string): void
}

/** Anything whose tasks may have inline inputs: a spec or a job. */
interface WithTasks {
  readonly Tasks: Task[]
}

/**
 * Takes the data of inline inputs out of specs, so that thousands of jobs with the same module hold it once, and puts it back
 * for those who want to see a job as it was submitted.
 */
export interface InlineData {
  /**
   * The spec with each inline data URL of more than `LIMITS.inlineKept` characters replaced by the CID under which the vault
   * keeps it. The same text always gives the same parameters. Throws `ValidationError` for an inline input that is not
   * described rightly, or that names a CID already: such a spec is none of a user.
   */
  readonly stow: <T extends WithTasks>(spec: T) => Promise<T>
  /** The same job with its data URLs as they were submitted. What the vault cannot give stays as it is. */
  readonly restore: <T extends WithTasks>(job: T, signal?: AbortSignal) => Promise<T>
  /** A stowed job is going to be run again. Throws `InlineDataLost` when the vault has not what it needs. */
  readonly require: (job: WithTasks) => Promise<void>
  /** Lets go of what none of `jobs`, which are all that are written, needs. Says how much more may go at the next sweep. */
  readonly sweep: (jobs: AsyncIterable<WithTasks>) => Promise<number>
}

/** Texts whose place in the vault is remembered, by their hashes. */
const REMEMBERED = 1_000

export function createInlineData(vault: DataVault): InlineData {
  const known = createMemory<Promise<SpecConfig['Params']>>(REMEMBERED)
  const sweeper = createVaultSweep(vault, () => known.clear())

  /** Work under way is remembered too, so that many submissions at a time decode their common module once. */
  function keep(url: string): Promise<SpecConfig['Params']> {
    const key = hash('sha256', url, 'base64')
    const earlier = known.get(key)
    if (earlier !== undefined) return earlier
    const kept = put(url, vault)
    known.set(key, kept)
    kept.catch(() => known.delete(key))
    return kept
  }

  async function stowSource(source: SpecConfig): Promise<SpecConfig> {
    const params = parseInlineParams(source)
    if ('kept' in params) throw named()
    const { url } = params
    // A text that is no proper Unicode could not be given back as it was.
    if (url.length > LIMITS.inlineKept && url.isWellFormed()) {
      const Params = await keep(url)
      sweeper.note(String(Params?.['CID']))
      return { ...source, Params }
    }
    parseDataUrl(url)
    return source
  }

  async function restoreSource(source: SpecConfig, signal: AbortSignal | undefined): Promise<SpecConfig> {
    const params = parseInlineParams(source)
    return 'url' in params ? source : { ...source, Params: { URL: await textOf(params.kept, vault, signal) } }
  }

  async function requireData(job: WithTasks): Promise<void> {
    for (const cid of cidsOf(job)) {
      sweeper.note(cid)
      if (!(await vault.has(cid))) throw lost()
    }
  }

  return {
    require: (job) => sweeper.during(() => requireData(job)),
    sweep: (jobs) => sweeper.sweep(needsOf(jobs)),
    stow: (spec) => sweeper.during(() => mapInline(spec, stowSource)),
    restore: (job, signal) =>
      mapInline(job, (source) =>
        restoreSource(source, signal).catch((error: unknown) => {
          signal?.throwIfAborted()
          if (!isBacalhauError(error)) throw error
          return source
        }),
      ),
  }
}

/** Puts the data of a URL, or, when the URL could not be made again from its data, the URL itself. */
async function put(url: string, vault: DataVault): Promise<Record<string, string>> {
  const { bytes } = parseDataUrl(url)
  const comma = url.indexOf(',')
  const mediaType = /^data:(.*);base64$/.exec(url.slice(0, comma))?.[1]
  const canonical =
    mediaType !== undefined &&
    mediaType.length <= MAX_MEDIA_TYPE &&
    Buffer.from(bytes).toString('base64') === url.slice(comma + 1)
  return canonical ? { CID: await vault.put(bytes), MediaType: mediaType } : { CID: await vault.put(Buffer.from(url)) }
}

async function textOf(
  { cid, mediaType }: KeptInline,
  vault: DataVault,
  signal: AbortSignal | undefined,
): Promise<string> {
  const bytes = Buffer.from(await vault.get(cid.toString(), signal))
  return mediaType === undefined ? bytes.toString() : headOf(mediaType) + bytes.toString('base64')
}

const isInline = ({ Source }: InputSourceSpec) => Source.Type.toLowerCase() === 'inline'

/** What a stowed job has in the vault. */
function cidsOf({ Tasks }: WithTasks): string[] {
  const inputs = Tasks.flatMap(({ InputSources }) => InputSources.filter(isInline))
  return inputs.flatMap(({ Source }) => {
    const params = parseInlineParams(Source)
    return 'kept' in params ? [params.kept.cid.toString()] : []
  })
}

async function* needsOf(jobs: AsyncIterable<WithTasks>): AsyncGenerator<string> {
  for await (const job of jobs) yield* cidsOf(job)
}

async function mapInline<T extends WithTasks>(job: T, change: (source: SpecConfig) => Promise<SpecConfig>): Promise<T> {
  if (!job.Tasks.some(({ InputSources }) => InputSources.some(isInline))) return job
  const changeInput = async (input: InputSourceSpec) =>
    isInline(input) ? { ...input, Source: await change(input.Source) } : input
  const changeTask = async (task: Task) => ({
    ...task,
    InputSources: await Promise.all(task.InputSources.map(changeInput)),
  })
  return { ...job, Tasks: await Promise.all(job.Tasks.map(changeTask)) }
}

function named(): BacalhauError {
  return new BacalhauError('ValidationError', 'an inline input carries its data and cannot name a CID', {
    hint: 'Give the data as URL (data:…;base64,…), or use an input of Type ipfs for content by CID.',
  })
}

function lost(): BacalhauError {
  return new BacalhauError(
    'InlineDataLost',
    'the data of an inline input of this job is not kept by this node any more',
  )
}

/** The last `capacity` values that were used. */
function createMemory<T>(capacity: number) {
  const values = new Map<string, T>()
  return {
    get(key: string): T | undefined {
      const value = values.get(key)
      if (value === undefined) return undefined
      values.delete(key)
      values.set(key, value)
      return value
    },
    set(key: string, value: T): void {
      values.set(key, value)
      const [oldest] = values.keys()
      if (values.size > capacity && oldest !== undefined) values.delete(oldest)
    },
    delete: (key: string): boolean => values.delete(key),
    clear: (): void => values.clear(),
  }
}
