import { statfs } from 'node:fs/promises'
import { isIPv6 } from 'node:net'
import type { Libp2p } from '@libp2p/interface'
import type { NodeInfo } from '@bacalhau/models'
import type { AuthOptions } from '../api/auth/auth.ts'
import type { Check } from '../api/health/routes.ts'
import { type ApiServer, createApi } from '../api/server.ts'
import type { Content } from '../content/content.ts'
import { loadUserKey } from '../network/user-key.ts'
import type { SwarmKey } from '../network/private-swarm/swarm-key.ts'
import type { Peers } from '../network/peers/peers.ts'
import type { Orchestrator } from '../orchestrator/service.ts'
import { createResultSigner } from '../publishers/s3/sign-results.ts'
import type { Scope } from '../runtime/lifecycle.ts'
import { type Certificate, followCertificate, loadCertificate } from './certificate/certificate.ts'
import type { NodeConfig } from './config.ts'
import type { ManagedStorage } from './managed-storage.ts'
import { startS3Clients } from './data-capabilities.ts'
import { ownAddresses } from './invitation.ts'
import type { NodeFolder } from './node-folder.ts'
import { networkFacts } from './network-facts.ts'
import type { Services } from './services.ts'

export interface ApiRoleOptions {
  readonly config: NodeConfig
  readonly host: Libp2p
  readonly folder: NodeFolder
  readonly content: Content
  readonly storage: ManagedStorage
  readonly services: Services
  readonly orchestrator: Orchestrator | undefined
  readonly describe: () => NodeInfo
  readonly checks: () => readonly Check[]
  readonly peers: Peers
  readonly swarmKey: SwarmKey | undefined
}

/** The REST API of a node that serves. */
export interface ApiRole {
  readonly server: ApiServer
  /** Where this machine reaches it. */
  readonly url: string
  readonly certificate: Certificate | undefined
  /** What the operator should know, one sentence each. */
  readonly warnings: readonly string[]
}

/** Serves the REST API of a node, to those whom its configuration lets in. */
export async function startApiRole(options: ApiRoleOptions, scope: Scope): Promise<ApiRole> {
  const { config, host, folder, content, services, orchestrator, describe, checks } = options
  const certificate = await loadCertificate(config, folder.root, services.clock.now())
  const user = await loadUserKey(config.dataDir)
  const peer = () => ({ ID: host.peerId.toString(), Addresses: ownAddresses(host, config) })
  const freeDisk = async () => {
    const { bavail, bsize } = await statfs(folder.root)
    return bavail * bsize
  }
  const auth: AuthOptions = { ...authOptions(config), store: services.store, signingKey: user.key }
  const { bucket } = options.storage
  const openResult =
    config.signedDisabled && bucket === undefined
      ? undefined
      : createResultSigner({
          ...services,
          clients: startS3Clients(config, scope),
          bucket,
          others: !config.signedDisabled,
          lasting: config.signedFor,
        })
  const server: ApiServer = await createApi(
    {
      ...services,
      ...(openResult === undefined ? {} : { openResult }),
      orchestrator,
      content,
      peer,
      nodeInfo: describe,
      config: () => config.shown,
      checks,
      freeDisk,
      peers: options.peers,
      network: () => networkFacts({ ...options, clock: services.clock, apiPort: server.port }),
    },
    { host: config.apiHost, port: config.apiPort, auth, tls: certificate },
  )
  scope.own(server)
  if (certificate !== undefined) {
    scope.own(followCertificate(config, certificate, (identity) => server.renewTls(identity), services))
  }
  const url = localUrl(config.apiHost, server.port, certificate !== undefined)
  return { server, url, certificate, warnings: [...user.warnings, ...(certificate?.warnings ?? [])] }
}

function authOptions(config: NodeConfig): AuthOptions {
  return {
    fixedTokens: config.apiToken === undefined ? [] : [config.apiToken],
    clientKeys: config.apiClientKeys,
    users: config.apiUsers ?? [],
    trustLocal: config.apiTrustLocal,
    hosts: config.apiHosts,
    origins: config.corsOrigins,
    perSecond: config.rateLimit,
  }
}

function localUrl(apiHost: string, port: number, secure: boolean): string {
  const host = apiHost === '0.0.0.0' || apiHost === '::' ? '127.0.0.1' : apiHost
  return `${secure ? 'https' : 'http'}://${isIPv6(host) ? `[${host}]` : host}:${port}`
}
