import { homedir } from 'node:os'
import process from 'node:process'
import type { Content } from '../content/content.ts'
import { createIpfsPublisher } from '../publishers/ipfs/ipfs.ts'
import { createLocalPublisher } from '../publishers/local/local.ts'
import type { Publisher } from '../publishers/publisher.ts'
import { createS3Publisher } from '../publishers/s3/s3.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { createDiskRoom, freeBytesOf } from '../sources/disk-room.ts'
import { createInlineSource } from '../sources/inline/inline.ts'
import { openInputCache } from '../sources/input-cache.ts'
import { createIpfsSource } from '../sources/ipfs/ipfs.ts'
import { createLocalSource } from '../sources/local/local.ts'
import { createOutbound } from '../sources/outbound/outbound.ts'
import { createS3Clients, type S3Clients } from '../sources/s3/clients.ts'
import { createS3Source } from '../sources/s3/s3.ts'
import type { InputSource } from '../sources/source.ts'
import { createUrlSource } from '../sources/url/url.ts'
import type { NodeConfig } from './config.ts'
import type { NodeFolder } from './node-folder.ts'
import type { Services } from './services.ts'

export interface DataOptions {
  readonly config: NodeConfig
  readonly folder: NodeFolder
  readonly content: Content
  readonly services: Services
  readonly nodeId: string
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
  { config, folder, content, services, nodeId }: DataOptions,
  inUse: readonly string[],
  scope: Scope,
): Promise<{ readonly sources: readonly InputSource[]; readonly publishers: readonly Publisher[] }> {
  const cache = await openInputCache(folder.inputs, { inUse })
  const room = createDiskRoom(() => freeBytesOf(folder.root))
  const outbound = createOutbound(config.inputAddresses)
  const { inputSilence: silence, inputRetries: retries, inputMaxSize: maxBytes } = config
  const fetching = { ...services, cache, room, silence, retries, maxBytes }
  const clients = startS3Clients(config, scope)
  const sources = [
    createInlineSource({ content, cache }),
    createLocalSource(config.allowListedLocalPaths),
    createIpfsSource(content, cache),
    createUrlSource({ ...fetching, outbound }),
    createS3Source({ ...fetching, clients }),
  ]
  const local = scope.own(
    await createLocalPublisher({
      folder: folder.archives,
      address: config.localAddress,
      port: config.localPort,
      days: config.keepResultDays,
      ...services,
    }),
  )
  const publishers = [
    local,
    createIpfsPublisher(content, services.clock),
    createS3Publisher({ clients, clock: services.clock, nodeId }),
  ]
  return {
    sources: sources.filter(({ types }) => !types.some((type) => config.inputsDisabled.includes(type))),
    publishers: publishers.filter(({ type }) => !config.publishersDisabled.includes(type)),
  }
}
