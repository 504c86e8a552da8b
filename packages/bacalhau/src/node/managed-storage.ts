import type { Libp2p } from '@libp2p/interface'
import type { JobSpec } from '@bacalhau/models'
import { homedir } from 'node:os'
import process from 'node:process'
import { askForStorage, serveStorage, type StorageDesk } from '../link/storage-protocol.ts'
import type { Orchestrator } from '../orchestrator/service.ts'
import { createStorageDesk, notOffered } from '../orchestrator/storage-desk.ts'
import { createManagedBucket, type ManagedBucket } from '../publishers/s3-managed/bucket.ts'
import type { AskForStorage } from '../publishers/s3-managed/s3-managed.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { createOutbound } from '../sources/outbound/outbound.ts'
import { createS3Clients } from '../sources/s3/clients.ts'
import type { NodeConfig } from './config.ts'
import type { Services } from './services.ts'

/** The bucket that an orchestrator lends to compute nodes: both ends of it. */
export interface ManagedStorage {
  /** Absent where the configuration names none. */
  readonly bucket: ManagedBucket | undefined
  /** Asks an orchestrator; when that is this very node, without a way over the network. */
  readonly ask: AskForStorage
  /** Refuses a spec that would need a bucket where there is none. */
  readonly check: (spec: JobSpec) => void
  /** Opens the bucket to those who run jobs of `orchestrator`. */
  serve(orchestrator: Orchestrator): Promise<void>
}

export interface ManagedStorageOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly services: Services
}

export function createManagedStorage({ config, host, services }: ManagedStorageOptions, scope: Scope): ManagedStorage {
  const self = host.peerId.toString()
  const bucket = bucketOf(config, scope)
  let own: StorageDesk | undefined
  return {
    bucket,
    ask: (orchestrator, request, signal) =>
      orchestrator === self && own !== undefined
        ? own(self, request)
        : askForStorage(host, orchestrator, request, signal),
    check({ Tasks }) {
      const wanted = Tasks.some(({ Publisher }) => Publisher.Type.toLowerCase() === 's3managed')
      if (wanted && bucket === undefined) throw notOffered()
    },
    async serve(orchestrator) {
      own = createStorageDesk(orchestrator, bucket)
      scope.own(await serveStorage(host, own, services.logger))
    },
  }
}

/** The operator names the bucket, so that its service may be anywhere. */
const ANYWHERE = ['0.0.0.0/0', '::/0']

function bucketOf(config: NodeConfig, scope: Scope): ManagedBucket | undefined {
  const { managedBucket, managedKey, managedRegion, managedEndpoint, managedFor } = config
  if (managedBucket === undefined || managedBucket === '') return undefined
  const { inputRetries: retries, inputSilence: silence } = config
  const clients = createS3Clients({
    outbound: createOutbound(ANYWHERE),
    env: process.env,
    home: homedir(),
    retries,
    silence,
  })
  return createManagedBucket({
    clients: scope.own(clients),
    bucket: managedBucket,
    prefix: managedKey ?? '',
    lasting: managedFor,
    Region: managedRegion,
    Endpoint: managedEndpoint,
  })
}
