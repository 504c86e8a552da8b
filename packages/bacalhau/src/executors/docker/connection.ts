import { BacalhauError, messageOf } from '../../runtime/error.ts'
import { findSurvivors, type Survivors } from './container/survivors.ts'
import type { EngineAddress } from './engine/address.ts'
import { answers, connectEngine, type Engine } from './engine/engine.ts'
import type { DockerExecutorOptions } from './executor.ts'
import { createImageStore, type ImageStore } from './image/images.ts'

/** What belongs to one engine. */
export interface Used {
  readonly engine: Engine
  readonly images: ImageStore
  readonly survivors: Survivors
}

/** The engine of this node, which may come and go. */
export interface Connection {
  /** Does an engine answer now? Cheap. */
  look(): Promise<boolean>
  current(): Used | undefined
  /** The engine, looked for if need be. Throws `EngineUnavailable`. */
  use(): Promise<Used>
  /**
   * Of what a former process has left, only `held` is wanted. An engine that is found later is too late for any of it: its inputs
   * are gone by then.
   */
  settle(held: ReadonlySet<string>): Promise<void>
  /** Removes a container as soon as the engine is back. */
  removeLater(id: string): void
  stop(): void
}

export type ConnectionOptions = Pick<
  DockerExecutorOptions,
  'addresses' | 'node' | 'credentials' | 'pull' | 'ledger' | 'clock' | 'logger'
>

export function createConnection(options: ConnectionOptions, signal: AbortSignal): Connection {
  const find = finder(options, signal)
  const doomed = new Set<string>()
  let used: Used | undefined
  let looking: Promise<Used | undefined> | undefined
  let settled = false

  async function clean({ engine }: Used): Promise<void> {
    for (const id of doomed) {
      doomed.delete(id)
      await engine.remove(id).catch(() => doomed.add(id))
    }
    await options.ledger?.sweep(engine)
  }

  async function lookOnce(): Promise<Used | undefined> {
    // An engine that does not answer now is not given up: what it runs is still ours when it is back.
    if (used !== undefined && !(await answers(used.engine.address))) return undefined
    if (used === undefined) {
      used = await find()
      if (settled) await used?.survivors.keep(new Set())
    }
    if (used !== undefined) await clean(used)
    return used
  }

  const look = () => (looking ??= lookOnce().finally(() => (looking = undefined)))

  return {
    look: async () => (await look()) !== undefined,
    current: () => used,
    async use() {
      const found = used ?? (await look())
      if (found === undefined) throw new BacalhauError('EngineUnavailable', 'no container engine answers on this node')
      return found
    },
    async settle(held) {
      settled = true
      await used?.survivors.keep(held)
    },
    removeLater: (id) => void doomed.add(id),
    stop: () => used?.survivors.stop(),
  }
}

/** Looks for an engine at every address, and says why there is none. */
function finder(options: ConnectionOptions, signal: AbortSignal): () => Promise<Used | undefined> {
  const { addresses, logger } = options
  let told: string | undefined

  async function connect(address: EngineAddress): Promise<Used> {
    const engine = await connectEngine(address, signal)
    const survivors = await findSurvivors({ ...options, engine })
    logger.info({ address: address.name, ...engine.facts }, 'found a container engine')
    const { ledger, pull: policy } = options
    const onUse = ledger === undefined ? {} : { onUse: ledger.used.bind(ledger) }
    return { engine, survivors, images: createImageStore({ ...options, engine, policy, ...onUse }) }
  }

  return async () => {
    let problem = 'no socket of Docker or Podman was found'
    let named = true
    try {
      const places = addresses()
      named = places.length > 0
      for (const address of places) {
        const found = await connect(address).catch((error: unknown) => void (problem = messageOf(error)))
        if (found !== undefined) return found
      }
    } catch (error) {
      problem = messageOf(error)
    }
    // Asked again and again, so only what is new is told. A machine without an engine is nothing to warn of.
    if (problem !== told) logger[named ? 'warn' : 'info']({ problem }, 'this node offers no Docker')
    told = problem
    return undefined
  }
}
