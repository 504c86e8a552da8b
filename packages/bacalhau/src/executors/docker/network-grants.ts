import type { NetworkSpec } from '@bacalhau/models'

/** Networks that need to be granted. */
export type GrantedNetwork = 'http' | 'bridge' | 'host'

const GRANTS = { HTTP: 'http', Bridge: 'bridge', Host: 'host', Full: 'host' } as const satisfies Partial<
  Record<NetworkSpec['Type'], GrantedNetwork>
>

/** Those with which two containers can have a network in common; gVisor and Kata put one of its own around each. */
const PLAIN_RUNTIMES = /^(?:io\.containerd\.)?(?:runc|crun|youki)\b/

/** Why a container does not get the network that its job asks for; undefined when it does. `runtime`: unless it is the engine's usual one. */
export function networkRefusal(
  { Type, Domains = [] }: NetworkSpec,
  granted: readonly GrantedNetwork[],
  runtime: string | undefined,
): string | undefined {
  if (Type === 'Default' || Type === 'None') return undefined
  const wanted = GRANTS[Type]
  if (!granted.includes(wanted))
    return `the operator of this node has not granted jobs the network ${Type} (Engines.Docker.Networks)`
  if (wanted !== 'http') return undefined
  if (Domains.length === 0) return 'the network HTTP reaches the Domains that the job lists, and this one lists none'
  if (runtime === undefined || PLAIN_RUNTIMES.test(runtime)) return undefined
  return `containers on this node have no network HTTP: the runtime ${runtime} keeps their loopback to itself`
}
