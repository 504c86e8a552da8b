import { EngineError } from '../engine/call.ts'
import type { Engine } from '../engine/engine.ts'

/** Creates a container. Never interrupted: one that nobody knows of would stay. Rejects with an `EngineError`. */
export async function createContainer(engine: Engine, name: string, config: object): Promise<string> {
  const { signal } = new AbortController()
  try {
    return await engine.create(name, config, signal)
  } catch (error) {
    if (!(error instanceof EngineError) || error.status !== 409) throw error
    // Of an earlier try at the same execution, of which nothing else is known any more.
    await engine.remove(name)
    return engine.create(name, config, signal)
  }
}
