import { homedir } from 'node:os'
import path from 'node:path'
import process from 'node:process'
import type { Capabilities } from '../compute/capabilities.ts'
import type { Gpu } from '../compute/machine/gpu.ts'
import type { Content } from '../content/content.ts'
import { engineAddresses } from '../executors/docker/engine/address.ts'
import { createDockerExecutor, type DockerExecutor } from '../executors/docker/executor.ts'
import { createImageLedger } from '../executors/docker/image/image-ledger.ts'
import { dockerCredentials } from '../executors/docker/image/credentials.ts'
import type { Executor } from '../executors/executor.ts'
import { createNoopExecutor } from '../executors/noop/executor.ts'
import { createWasmExecutor } from '../executors/wasm/executor.ts'
import { createIpfsPublisher } from '../publishers/ipfs/ipfs.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { createDiskRoom, freeBytesOf } from '../sources/disk-room.ts'
import { openInputCache } from '../sources/input-cache.ts'
import { createInlineSource } from '../sources/inline/inline.ts'
import { createIpfsSource } from '../sources/ipfs/ipfs.ts'
import { createLocalSource } from '../sources/local/local.ts'
import { createAddressRules } from '../sources/outbound/address-rules.ts'
import { createOutbound, systemResolve } from '../sources/outbound/outbound.ts'
import type { InputSource } from '../sources/source.ts'
import { createUrlSource } from '../sources/url/url.ts'
import type { NodeConfig } from './config.ts'
import type { NodeFolder } from './node-folder.ts'
import type { Services } from './services.ts'

export interface CapabilityOptions {
  readonly config: NodeConfig
  readonly folder: NodeFolder
  readonly content: Content
  readonly services: Services
  readonly nodeId: string
  /** Those that jobs may use. */
  readonly gpus: readonly Gpu[]
}

/** Every engine, source and publisher of this program, less those that the operator has turned off. */
export async function createCapabilities(options: CapabilityOptions, scope: Scope): Promise<Capabilities> {
  const { config, content, services } = options
  const { clock } = services
  const docker = config.enginesDisabled.includes('docker') ? undefined : createDocker(options)
  const engines = { wasm: () => createWasm(options), noop: () => createNoopExecutor({ clock }) }
  const executors: Executor[] = Object.entries(engines)
    .filter(([name]) => !config.enginesDisabled.includes(name))
    .map(([, create]) => create())
  if (docker !== undefined) executors.push(docker)
  for (const executor of executors) scope.own(executor)
  return {
    executors,
    sources: await createSources(options, (await docker?.pathsInUse()) ?? []),
    publishers: [createIpfsPublisher(content, clock)].filter(({ type }) => !config.publishersDisabled.includes(type)),
  }
}

/** `inUse`: paths of inputs that jobs of a former process still read. */
async function createSources(
  { config, folder, content, services }: CapabilityOptions,
  inUse: readonly string[],
): Promise<InputSource[]> {
  const cache = await openInputCache(folder.inputs, { inUse })
  const room = createDiskRoom(() => freeBytesOf(folder.root))
  const outbound = createOutbound(config.inputAddresses)
  const { inputSilence: silence, inputRetries: retries, inputMaxSize: maxBytes } = config
  const sources = [
    createInlineSource({ content, cache }),
    createLocalSource(config.allowListedLocalPaths),
    createIpfsSource(content, cache),
    createUrlSource({ ...services, cache, room, outbound, silence, retries, maxBytes }),
  ]
  return sources.filter(({ types }) => !types.some((type) => config.inputsDisabled.includes(type)))
}

function createWasm({ config, services: { clock, logger } }: CapabilityOptions): Executor {
  const reach = { rules: createAddressRules(config.wasmAddresses), resolve: systemResolve }
  return createWasmExecutor({ clock, logger, ...(config.wasmNetworks.includes('http') ? { reach } : {}) })
}

function createDocker({ config, folder, gpus, services, nodeId }: CapabilityOptions): DockerExecutor {
  const { clock, logger } = services
  const { env } = process
  const home = homedir()
  const keep = config.dockerKeepImages * 24 * 60 * 60_000
  return createDockerExecutor({
    node: nodeId,
    addresses: () => engineAddresses({ env, home, uid: process.getuid?.(), host: config.dockerHost }),
    credentials: dockerCredentials({ env, home }),
    pull: config.dockerPull,
    networks: config.dockerNetworks,
    gpus,
    ledger: createImageLedger({ file: path.join(folder.root, 'images.json'), keep, clock, logger }),
    clock,
    logger,
  })
}
