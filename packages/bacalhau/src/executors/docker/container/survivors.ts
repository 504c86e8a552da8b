import type { Clock, Timer } from '../../../runtime/clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { Logger } from '../../../runtime/logger.ts'
import { messageOf } from '../../../runtime/error.ts'
import type { FoundContainer } from '../engine/answers.ts'
import type { Engine } from '../engine/engine.ts'
import { GATE, LABELS, ofNode } from './labels.ts'

/** A container that can be taken up. */
export interface Survivor {
  readonly id: string
  /** Names of the GPUs that it has. */
  readonly gpus: readonly string[]
  /** Ports of the host that it has. */
  readonly ports: readonly number[]
  /** The container through which its network goes. */
  readonly gate: string | undefined
}

/** Containers of this node that a former process of it has left. */
export interface Survivors {
  /** The container of an execution that can be taken up. */
  has(executionId: string): boolean
  /** The same, which is now the caller's. */
  claim(executionId: string): Survivor | undefined
  /** Names of the GPUs of those that nobody has claimed yet. */
  readonly gpus: ReadonlySet<string>
  /** Ports of the host that they have. */
  readonly ports: ReadonlySet<number>
  /** Host paths that the survivors still read. */
  readonly paths: readonly string[]
  /** Removes those of other executions. */
  keep(held: ReadonlySet<string>): Promise<void>
  stop(): void
}

export interface SurvivorOptions {
  readonly node: string
  readonly engine: Engine
  readonly clock: Clock
  readonly logger: Logger
}

/** Finds them by the label of this node; containers of anybody else are never touched. */
export async function findSurvivors({ node, engine, clock, logger }: SurvivorOptions): Promise<Survivors> {
  const found = await engine.list(ofNode(node))
  const remove = async (id: string) => {
    await engine
      .remove(id)
      .catch((error: unknown) => logger.warn({ id, error: messageOf(error) }, 'cannot remove a container'))
  }
  const { kept, paths, useless } = sorted(found, node)
  for (const id of useless) await remove(id)

  const dropUnless = async (held: ReadonlySet<string>) => {
    const unwanted = [...kept].filter(([execution]) => !held.has(execution))
    for (const [execution] of unwanted) kept.delete(execution)
    const removeBoth = async ({ id, gate }: Survivor) => {
      await remove(id)
      if (gate !== undefined) await remove(gate)
    }
    await Promise.all(unwanted.map(([, survivor]) => removeBoth(survivor)))
  }
  let timer: Timer | undefined
  if (kept.size > 0) timer = clock.after(LIMITS.containerUnclaimed, () => void dropUnless(new Set()))
  return {
    has: (execution) => kept.has(execution),
    claim(execution) {
      const survivor = kept.get(execution)
      kept.delete(execution)
      return survivor
    },
    get gpus() {
      return new Set([...kept.values()].flatMap(({ gpus }) => gpus))
    },
    get ports() {
      return new Set([...kept.values()].flatMap(({ ports }) => ports))
    },
    paths,
    keep: dropUnless,
    stop: () => timer?.cancel(),
  }
}

interface Sorted {
  readonly kept: Map<string, Survivor>
  readonly paths: readonly string[]
  readonly useless: readonly string[]
}

/** Which containers can be taken up, and which are good for nothing. */
function sorted(found: readonly FoundContainer[], node: string): Sorted {
  const gates = new Map<string, string>()
  const kept = new Map<string, Survivor>()
  const paths: string[] = []
  const useless: string[] = []
  // Whatever an engine lists: only our own are touched.
  const own = found.filter(({ Labels }) => Labels[LABELS.node] === node)
  for (const { Id, Labels } of own) {
    if (Labels[LABELS.role] === GATE) gates.set(Labels[LABELS.execution] ?? Id, Id)
  }
  for (const { Id, State, Labels, Mounts } of own) {
    if (Labels[LABELS.role] === GATE) continue
    const execution = Labels[LABELS.execution]
    // One that was never started has nothing to go on with.
    const usable = ['running', 'exited'].includes(State)
    if (!usable || execution === undefined || kept.has(execution)) useless.push(Id)
    else {
      kept.set(execution, {
        id: Id,
        gpus: Labels[LABELS.gpus]?.split(',') ?? [],
        ports: Labels[LABELS.ports]?.split(',').map(Number) ?? [],
        gate: gates.get(execution),
      })
      gates.delete(execution)
      paths.push(...Mounts.flatMap(({ Source }) => (Source === undefined ? [] : [Source])))
    }
  }
  // Those whose job is not there.
  useless.push(...gates.values())
  return { kept, paths, useless }
}
