import { DEFAULT_PEERS } from '../../network/bootstrap.ts'
import { plainLine } from '../terminal/plain.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import { whyUnreachable } from './reach.ts'

/** Are the peers there that the user has named? The built-in ones are left alone: nobody asked for a call to them. */
export async function checkPeers(peers: readonly string[], origin: string): Promise<readonly Finding[]> {
  if (origin === 'default') {
    const hint = 'A network of your own: `bacalhau serve --peer none`, or the line that another node prints.'
    return [ok('Peers', `the ${DEFAULT_PEERS.length} public ones, which are not called by this check`, hint)]
  }
  if (peers.length === 0 || peers.includes('none')) return [ok('Peers', 'none, as configured')]
  return Promise.all(peers.map(checkPeer))
}

async function checkPeer(text: string): Promise<Finding> {
  const { parsePeer } = await import('../../network/peer-address.ts')
  const { messageOf } = await import('../../runtime/error.ts')
  const shown = plainLine(text)
  try {
    parsePeer(text)
  } catch (error) {
    return fail('Peer', messageOf(error))
  }
  const place = addressOf(text)
  if (place === undefined) return warn('Peer', `${shown} cannot be tried from here`)
  const problem = await whyUnreachable(place)
  if (problem === undefined) return ok('Peer', `${shown} is reachable`)
  return fail('Peer', `${shown}: ${problem}`, 'Is that node running, and is its port open to this machine?')
}

/** Host and port of `/ip4/…/tcp/…`; undefined for other kinds of addresses. */
export function addressOf(text: string): { host: string; port: number } | undefined {
  const [, host, port] = /^\/(?:ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d+)(?:\/|$)/.exec(text) ?? []
  return host === undefined || port === undefined ? undefined : { host, port: Number(port) }
}
