import { homedir } from 'node:os'
import process from 'node:process'
import type { Content } from '../content/content.ts'
import { createKuboRpc, type KuboRpc } from '../content/kubo/rpc.ts'
import { createIpfsPublisher } from '../publishers/ipfs/ipfs.ts'
import { createLocalPublisher } from '../publishers/local/local.ts'
import type { Publisher } from '../publishers/publisher.ts'
import { createS3Publisher } from '../publishers/s3/s3.ts'
import { createManagedPublisher } from '../publishers/s3-managed/s3-managed.ts'
import { BacalhauError } from '../runtime/error.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { createDiskRoom, freeBytesOf } from '../sources/disk-room.ts'
import { createInlineSource } from '../sources/inline/inline.ts'
import { openInputCache } from '../sources/input-cache.ts'
import { createIpfsSource } from '../sources/ipfs/ipfs.ts'
import { createJobSource } from '../sources/job/job.ts'
import type { OpenedResults } from '../sources/job/params.ts'
import { createLocalSource } from '../sources/local/local.ts'
import { createOutbound } from '../sources/outbound/outbound.ts'
import { createS3Clients, type S3Clients } from '../sources/s3/clients.ts'
import { createS3Source } from '../sources/s3/s3.ts'
import type { InputSource, Share } from '../sources/source.ts'
import { createUrlSource } from '../sources/url/url.ts'
import type { NodeConfig } from './config.ts'
import type { ManagedStorage } from './managed-storage.ts'
import type { NodeFolder } from './node-folder.ts'
import type { Services } from './services.ts'

export interface DataOptions {
  readonly config: NodeConfig
  readonly folder: NodeFolder
  readonly content: Content
  readonly services: Services
  readonly nodeId: string
  readonly storage: Pick<ManagedStorage, 'ask'>
}

/** What this program can do with data. */
export interface DataCapabilities {
  readonly sources: readonly InputSource[]
  readonly publishers: readonly Publisher[]
  /** Removes inputs that nobody reads at the moment. */
  readonly relieve: () => void
}

/** Clients of S3 with the credentials of whoever runs the node. */
export function startS3Clients(config: NodeConfig, scope: Scope): S3Clients {
  const { inputSilence: silence, inputRetries: retries } = config
  const outbound = createOutbound(config.inputAddresses)
  return scope.own(createS3Clients({ outbound, env: process.env, home: homedir(), retries, silence }))
}

/**
 * Every input source and publisher of this program, less those that the operator has turned off. `inUse`: paths of inputs that
 * jobs of a former process still read.
 */
export async function createDataCapabilities(
  { config, folder, content, services, nodeId, storage }: DataOptions,
  inUse: readonly string[],
  scope: Scope,
): Promise<DataCapabilities> {
  const cache = await openInputCache(folder.inputs, { inUse })
  const room = createDiskRoom(
    () => freeBytesOf(folder.root),
    () => cache.relieve(),
  )
  const outbound = createOutbound(config.inputAddresses)
  const { inputSilence: silence, inputRetries: retries, inputMaxSize: maxBytes } = config
  const fetching = { ...services, cache, room, silence, retries, maxBytes }
  const clients = startS3Clients(config, scope)
  const local = scope.own(await startLocal({ config, folder, services }))
  const s3 = createS3Source({ ...fetching, clients })
  const sources = [
    createInlineSource({ content, cache }),
    createLocalSource(config.allowListedLocalPaths),
    createIpfsSource({ content, cache, room, maxBytes }),
    createUrlSource({ ...fetching, outbound }),
    s3,
    createJobSource({
      ...fetching,
      outbound,
      clients,
      s3,
      ownArchive: (url) => local.archiveAt(url),
      openManaged: (results, reader, signal) => openManaged(storage, results, reader, signal),
    }),
  ]
  const publishers = [
    local,
    createIpfsPublisher(content, services.clock, kuboAt(config.kuboPublish, config, services)),
    createS3Publisher({ clients, clock: services.clock, nodeId }),
    await createManagedPublisher({ ...services, outbound, silence, folder: folder.uploads, ask: storage.ask }),
  ]
  return {
    sources: sources.filter(({ types }) => !types.some((type) => config.inputsDisabled.includes(type))),
    publishers: publishers.filter(({ type }) => !config.publishersDisabled.includes(type)),
    relieve: () => void cache.relieve(),
  }
}

const startLocal = ({ config, folder, services }: Pick<DataOptions, 'config' | 'folder' | 'services'>) =>
  createLocalPublisher({
    folder: folder.archives,
    address: config.localAddress,
    port: config.localPort,
    days: config.keepResultDays,
    ...services,
  })

/** The Kubo that the configuration names, if it names one. */
export const kuboAt = (
  endpoint: string | undefined,
  { inputSilence: silence }: Pick<NodeConfig, 'inputSilence'>,
  { clock }: Pick<Services, 'clock'>,
): KuboRpc | undefined =>
  endpoint === undefined || endpoint === '' ? undefined : createKuboRpc({ endpoint, clock, silence })

/** Whoever ordered an execution opens the results that its job reads. */
async function openManaged(
  { ask }: Pick<ManagedStorage, 'ask'>,
  { JobID, ExecutionID }: OpenedResults,
  reader: Share['execution'],
  signal: AbortSignal,
): Promise<string> {
  if (reader === undefined) throw new BacalhauError('InputFailed', 'these results can be read by executions only')
  const { orchestrator, ...own } = reader
  const of = { jobId: JobID, executionId: ExecutionID }
  return (await ask(orchestrator, { want: 'get', ...own, of }, signal)).url
}
