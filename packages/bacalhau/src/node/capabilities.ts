import type { Capabilities } from '../compute/capabilities.ts'
import type { Content } from '../content/content.ts'
import { createNoopExecutor } from '../executors/noop/executor.ts'
import { createWasmExecutor } from '../executors/wasm/executor.ts'
import { createIpfsPublisher } from '../publishers/ipfs/ipfs.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { openInputCache } from '../sources/input-cache.ts'
import { createInlineSource } from '../sources/inline/inline.ts'
import { createIpfsSource } from '../sources/ipfs/ipfs.ts'
import { createLocalSource } from '../sources/local/local.ts'
import type { NodeConfig } from './config.ts'
import type { NodeFolder } from './node-folder.ts'
import type { Services } from './services.ts'

export interface CapabilityOptions {
  readonly config: NodeConfig
  readonly folder: NodeFolder
  readonly content: Content
  readonly services: Services
}

/** Every engine, source and publisher of this program, less those that the operator has turned off. */
export async function createCapabilities(options: CapabilityOptions, scope: Scope): Promise<Capabilities> {
  const { config, folder, content, services } = options
  const { clock, logger } = services
  const engines = { wasm: () => createWasmExecutor({ clock, logger }), noop: () => createNoopExecutor({ clock }) }
  const executors = Object.entries(engines)
    .filter(([name]) => !config.enginesDisabled.includes(name))
    .map(([, create]) => create())
  for (const executor of executors) scope.own(executor)
  const cache = await openInputCache(folder.inputs)
  return {
    executors,
    sources: [
      createInlineSource({ content, cache }),
      createLocalSource(config.allowListedLocalPaths),
      createIpfsSource(content, cache),
    ],
    publishers: [createIpfsPublisher(content, clock)],
  }
}
