import type { SpecConfig } from '@bacalhau/models'
import type { Executor } from '../executors/executor.ts'
import type { Publisher } from '../publishers/publisher.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { InputSource } from '../sources/source.ts'

/** What this node can do, by the kinds that its operator left on. */
export interface Capabilities {
  readonly executors: readonly Executor[]
  readonly sources: readonly InputSource[]
  readonly publishers: readonly Publisher[]
}

/** Names of what is usable at this moment, as they go into the node's description. */
export interface Offered {
  readonly engines: readonly string[]
  readonly sources: readonly string[]
  readonly publishers: readonly string[]
}

export async function offered({ executors, sources, publishers }: Capabilities): Promise<Offered> {
  const usable = async <T extends { available(): Promise<boolean> }>(
    kinds: readonly T[],
    names: (kind: T) => readonly string[],
  ) => {
    const answers = await Promise.all(kinds.map(async (kind) => ((await kind.available()) ? names(kind) : [])))
    return answers.flat()
  }
  return {
    engines: await usable(executors, (executor) => [executor.engine]),
    sources: await usable(sources, (source) => source.types),
    publishers: await usable(publishers, (publisher) => [publisher.type]),
  }
}

const missing = (kind: string, type: string, known: readonly string[]) =>
  new BacalhauError(
    'EngineMissing',
    `this node does not support the ${kind} "${type}", only ${known.join(', ') || 'none'}`,
  )

const same = (type: string) => (name: string) => name === type.toLowerCase()

export function executorFor({ executors }: Capabilities, spec: SpecConfig): Executor {
  const found = executors.find(({ engine }) => same(spec.Type)(engine))
  if (found === undefined)
    throw missing(
      'engine',
      spec.Type,
      executors.map(({ engine }) => engine),
    )
  return found
}

export function sourceFor({ sources }: Capabilities, spec: SpecConfig): InputSource {
  const found = sources.find(({ types }) => types.some(same(spec.Type)))
  if (found === undefined)
    throw missing(
      'input source',
      spec.Type,
      sources.flatMap(({ types }) => types),
    )
  return found
}

/** The publisher of a task, or undefined when the task publishes nothing (no type, or `noop`). */
export function publisherFor({ publishers }: Capabilities, spec: SpecConfig): Publisher | undefined {
  if (!publishes(spec)) return undefined
  const found = publishers.find(({ type }) => same(spec.Type)(type))
  if (found === undefined)
    throw missing(
      'publisher',
      spec.Type,
      publishers.map(({ type }) => type),
    )
  return found
}

/** Does a task with this publisher leave results anywhere? */
export const publishes = (spec: SpecConfig): boolean => !['', 'noop'].includes(spec.Type.toLowerCase())
