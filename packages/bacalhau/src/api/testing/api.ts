import type { TestContext } from 'node:test'
import { type Client, createClient } from '@bacalhau/client'
import { NO_RESOURCES, type NetworkAnswer, type NodeInfo } from '@bacalhau/models'
import { temporaryContent } from '../../content/testing/temporary.ts'
import { systemClock } from '../../runtime/clock.ts'
import { silentLogger } from '../../runtime/logger.ts'
import { systemRandom } from '../../runtime/random.ts'
import type { ApiContext } from '../context.ts'
import type { Route } from '../http/route.ts'
import { type ApiOptions, createApi } from '../server.ts'
import { ScriptedOrchestrator } from './orchestrator.ts'

export const PEER_ID = 'QmdZQ7ZbhnvWY1J12XYKGHApJ6aufKyLNSvf8jZBrBaAVL'

export const nodeInfo: NodeInfo = {
  NodeID: PEER_ID,
  NodeType: 'Compute',
  Labels: { os_type: 'linux' },
  SupportedProtocols: [],
  ComputeNodeInfo: {
    ExecutionEngines: ['wasm'],
    Publishers: ['ipfs'],
    StorageSources: ['ipfs', 'inline'],
    MaxCapacity: NO_RESOURCES,
    QueueCapacity: NO_RESOURCES,
    AvailableCapacity: NO_RESOURCES,
    MaxJobRequirements: NO_RESOURCES,
    RunningExecutions: 0,
    EnqueuedExecutions: 0,
    address: '',
  },
  BacalhauVersion: {
    Major: '0',
    Minor: '1',
    GitVersion: 'v0.1.0',
    GitCommit: 'abc',
    BuildDate: '2026-01-01T00:00:00Z',
    GOOS: 'linux',
    GOARCH: 'amd64',
  },
}

/** What a node that can be reached at `address` says of its place in the network. */
export const networkAnswer = (address: string): NetworkAnswer => ({
  PeerID: PEER_ID,
  Listening: [address],
  Announced: [address],
  Reachability: 'reachable',
  Confirmed: [address],
  SeenAs: [],
  Mapping: 'same',
  Relayed: [],
  RelayRefusals: {},
  IsRelay: true,
  UPnP: false,
  MDNS: false,
  HolePunching: true,
  AutoNAT: true,
  SwarmPort: 1235,
  APIHost: '0.0.0.0',
  APIPort: 1234,
  Roles: ['orchestrator'],
  Time: '2026-01-01T00:00:00.000Z',
})

/** An API on a free port of loopback, with a client of it. Stopped after the test. */
export async function temporaryApi(
  context: TestContext,
  services: Partial<ApiContext> = {},
  options: Partial<ApiOptions> = {},
): Promise<{
  readonly url: string
  readonly port: number
  readonly orchestrator: ScriptedOrchestrator
  readonly client: Client
  readonly content: ApiContext['content']
  readonly routes: readonly Route[]
  readonly stop: () => Promise<void>
}> {
  const orchestrator = new ScriptedOrchestrator()
  const content = services.content ?? (await temporaryContent(context))
  const api = await createApi(
    {
      orchestrator,
      content,
      peer: () => ({ ID: PEER_ID, Addresses: [`/ip4/127.0.0.1/tcp/1235/p2p/${PEER_ID}`] }),
      nodeInfo: () => nodeInfo,
      config: () => ({}),
      logger: silentLogger,
      clock: systemClock,
      random: systemRandom,
      ...services,
    },
    { host: '127.0.0.1', port: 0, ...options },
  )
  context.after(() => api.stop())
  const url = `http://127.0.0.1:${api.port}`
  const client = createClient({ baseUrl: url })
  return { url, port: api.port, orchestrator, client, content, routes: api.routes, stop: () => api.stop() }
}

/** Status, headers and JSON body of a plain request. */
export async function ask(
  url: string,
  init?: RequestInit,
): Promise<{ status: number; headers: Headers; body: unknown }> {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

export const wasmJob = {
  Name: 'hello',
  Type: 'batch',
  Tasks: [{ Name: 'main', Engine: { Type: 'wasm', Params: { EntryModule: '/a.wasm' } } }],
}
