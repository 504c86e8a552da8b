import { peerResponseSchema } from '@bacalhau/models'
import { peerIdFromString } from '@libp2p/peer-id'
import { z } from 'zod'
import { withDeadline } from '../runtime/abort.ts'
import { BacalhauError, messageOf } from '../runtime/error.ts'
import { LIMITS } from '../runtime/limits.ts'
import { isLoopback } from './addresses.ts'
import { type ApiTarget, parsePeer, type PeerTarget } from './peer-address.ts'

/** Where a peer is to be dialled: the groups of addresses in turn, those within a group in any order. */
export interface PeerRoute {
  readonly peerId: string
  readonly addresses: readonly (readonly string[])[]
}

/** The part of `fetch` that asking an API needs. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** What a node of the Go program answers under `/api/v1/agent/node`: flat, or within `Info` since v1.3. */
const goPeerInfo = z.object({ ID: z.string().max(128), Addrs: z.array(z.string().max(512)).max(64).nullish() })
const goNodeSchema = z
  .union([z.object({ PeerInfo: goPeerInfo }), z.object({ Info: z.object({ PeerInfo: goPeerInfo }) })])
  .transform((node) => ('Info' in node ? node.Info.PeerInfo : node.PeerInfo))

/** The swarm port of the Go program, which does not tell its own. */
const GO_SWARM_PORT = 1235

/**
 * How to reach `target` at present. An API is asked each time, because the peer behind it may have a new ID since. Throws
 * `PeerUnreachable` when the API does not answer as one should.
 */
export async function findRoute(
  target: PeerTarget,
  signal: AbortSignal,
  fetch: Fetch = globalThis.fetch,
): Promise<PeerRoute> {
  if (target.kind === 'address') return { peerId: target.peerId, addresses: [target.addresses] }
  const deadline = withDeadline(signal, LIMITS.peerApiWait)
  try {
    const own = await askJson(`${target.url}/api/v1/peer`, deadline, fetch)
    if (own !== undefined) {
      const { ID, Addresses } = peerResponseSchema.parse(own)
      return route(target, ID, Addresses)
    }
    const go = goNodeSchema.parse(await askJson(`${target.url}/api/v1/agent/node`, deadline, fetch))
    return route(target, go.ID, [`${target.machine}/tcp/${GO_SWARM_PORT}`, ...(go.Addrs ?? [])])
  } catch (error) {
    signal.throwIfAborted()
    const why = error instanceof z.ZodError ? 'it does not answer like a node' : reason(error)
    throw new BacalhauError('PeerUnreachable', `The API at ${target.url} did not tell its peer ID: ${why}.`, {
      cause: error,
    })
  }
}

/** The network's own error is the cause of the one that `fetch` throws. */
function reason(error: unknown): string {
  return error instanceof Error && error.cause instanceof Error ? error.cause.message : messageOf(error)
}

/** The JSON at `url`; undefined if there is nothing (404). */
async function askJson(url: string, signal: AbortSignal, fetch: Fetch): Promise<unknown> {
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } })
  if (response.status === 404) {
    await response.body?.cancel()
    return undefined
  }
  if (!response.ok) {
    await response.body?.cancel()
    throw new Error(`it answered with status ${response.status}`)
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > LIMITS.peerApiBody) throw new Error('its answer is too large')
    chunks.push(chunk)
  }
  return JSON.parse(Buffer.concat(chunks).toString())
}

/**
 * The usable ones of `addresses`: first the machine that was asked, at the ports that it tells (it may sit behind a forwarded
 * port and know only its inner address), then the others, without those of loopback if they mean another machine to us.
 */
function route(target: ApiTarget, told: string, addresses: readonly string[]): PeerRoute {
  const peerId = peerIdFromString(told).toString()
  const usable = addresses.flatMap((address) => usableAddress(address, peerId))
  const ports = new Set(usable.flatMap((address) => /^\/[^/]+\/[^/]+\/tcp\/(\d+)\//.exec(address)?.[1] ?? []))
  const near = [...ports].map((port) => `${target.machine}/tcp/${port}/p2p/${peerId}`)
  const local = isLoopback(target.machine)
  const far = usable.filter((address) => !near.includes(address) && (local || !isLoopback(address)))
  if (near.length === 0 && far.length === 0) throw new Error('it told no address that could be dialled')
  return { peerId, addresses: [near, far].filter((group) => group.length > 0) }
}

/** The address with the peer ID at its end; nothing if it is malformed or belongs to another peer. */
function usableAddress(address: string, peerId: string): readonly string[] {
  try {
    const target = parsePeer(/\/p2p\/[^/]+$/.test(address) ? address : `${address}/p2p/${peerId}`)
    return target.kind === 'address' && target.peerId === peerId ? target.addresses : []
  } catch {
    return []
  }
}
