import { readFile } from 'node:fs/promises'
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
import type { Hardening } from '../executors/docker/container/config.ts'
import type { EgressUse } from '../executors/docker/egress/desk.ts'
import type { Executor } from '../executors/executor.ts'
import { createNoopExecutor } from '../executors/noop/executor.ts'
import { createWasmExecutor } from '../executors/wasm/executor.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { createAddressRules } from '../sources/outbound/address-rules.ts'
import { createOutbound, systemResolve } from '../sources/outbound/outbound.ts'
import type { NodeConfig } from './config.ts'
import { createDataCapabilities, type DataCapabilities } from './data-capabilities.ts'
import type { ManagedStorage } from './managed-storage.ts'
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
  readonly storage: Pick<ManagedStorage, 'ask'>
}

/** Every engine, source and publisher of this program, less those that the operator has turned off. */
export async function createCapabilities(
  options: CapabilityOptions,
  scope: Scope,
): Promise<Capabilities & Pick<DataCapabilities, 'relieve'>> {
  const { config, services } = options
  const { clock } = services
  const docker = config.enginesDisabled.includes('docker') ? undefined : await createDocker(options)
  const engines = { wasm: () => createWasm(options), noop: () => createNoopExecutor({ clock }) }
  const executors: Executor[] = Object.entries(engines)
    .filter(([name]) => !config.enginesDisabled.includes(name))
    .map(([, create]) => create())
  if (docker !== undefined) executors.push(docker)
  for (const executor of executors) scope.own(executor)
  return {
    executors,
    ...(await createDataCapabilities(options, (await docker?.pathsInUse()) ?? [], scope)),
  }
}

function createWasm({ config, services: { clock, logger } }: CapabilityOptions): Executor {
  const reach = { rules: createAddressRules(config.wasmAddresses), resolve: systemResolve }
  return createWasmExecutor({ clock, logger, ...(config.wasmNetworks.includes('http') ? { reach } : {}) })
}

async function createDocker(options: CapabilityOptions): Promise<DockerExecutor> {
  const { config, folder, gpus, services, nodeId } = options
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
    ports: config.dockerPorts,
    hardening: await hardeningOf(config),
    egress: {
      folder: path.join(folder.root, 'egress'),
      outbound: createOutbound(config.dockerAddresses),
      bounds: { bytes: config.dockerHttpBytes || Infinity, rate: config.dockerHttpRate || Infinity },
      onDone: egressMeter(services),
    },
    gpus,
    ledger: createImageLedger({ file: path.join(folder.root, 'images.json'), keep, clock, logger }),
    clock,
    logger,
  })
}

async function hardeningOf(config: NodeConfig): Promise<Hardening> {
  const { dockerSeccomp: file } = config
  return {
    processes: config.dockerProcesses,
    openFiles: config.dockerOpenFiles || undefined,
    seccomp: file === undefined ? undefined : { file, profile: await readProfile(file) },
    runtime: config.dockerRuntime,
    diskRate: config.dockerDiskRate || undefined,
    grace: config.dockerGrace,
  }
}

/** A profile that cannot be read must not become none. */
async function readProfile(file: string): Promise<string> {
  try {
    return JSON.stringify(JSON.parse(await readFile(file, 'utf8')))
  } catch (cause) {
    const words = `the seccomp profile of Engines.Docker.Seccomp: ${messageOf(cause)}`
    throw new BacalhauError('ConfigurationError', words, { cause })
  }
}

/** What containers do by the network HTTP. */
function egressMeter({ meter }: Services): (use: EgressUse) => void {
  const bytes = meter.counter('bacalhau_container_egress_bytes_total', 'Bytes of containers with the network HTTP.')
  const requests = meter.counter('bacalhau_container_egress_requests_total', 'Requests of such containers.')
  return (use) => {
    bytes.add(use.bytes)
    requests.add(use.allowed, { result: 'allowed' })
    requests.add(use.refused, { result: 'refused' })
  }
}
