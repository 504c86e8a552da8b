import { BacalhauError } from '../../runtime/error.ts'
import { type SwarmKind, swarmKindAt } from './probe.ts'

/** An address that is dialled directly: those behind relays begin with that of the relay. */
const DIRECT = /^\/(?:ip[46]|dns[46]?)\/([^/]+)\/tcp\/(\d+)(?:\/p2p\/[^/]+)?$/

/**
 * Throws `SwarmKeyMismatch` if a node at one of `addresses`, none of which could be connected to, is in another swarm than we
 * are with `key`, or without one.
 */
export async function refuseForeignSwarm(
  key: Uint8Array | undefined,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const address of addresses) {
    const [, host, port] = DIRECT.exec(address) ?? []
    if (host === undefined || port === undefined) continue
    const found = reasonOf(await swarmKindAt({ host, port: Number(port) }, key, signal), key !== undefined)
    if (found === undefined) continue
    throw new BacalhauError('SwarmKeyMismatch', `The peer at ${address} ${found}.`, {
      hint: 'All nodes of a private swarm are started with the same file: bacalhau serve --swarm-key FILE.',
      details: { address },
    })
  }
}

function reasonOf(kind: SwarmKind | undefined, isPrivate: boolean): string | undefined {
  if (kind === 'open') return isPrivate ? 'has no swarm key, and this node has one' : undefined
  if (kind !== 'foreign') return undefined
  return isPrivate
    ? 'has another swarm key than this node'
    : 'belongs to a private swarm, and this node has no swarm key'
}
