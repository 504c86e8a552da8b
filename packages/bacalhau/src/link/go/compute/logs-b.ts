import type { Libp2p } from '@libp2p/interface'
import { isLoopback } from '../../../network/addresses.ts'
import { BacalhauError } from '../../../runtime/error.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import type { LogChunk } from '../../logs.ts'
import { logAddressSchema, logStreamSchema } from '../wire/messages-b.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { readRequest, serveGo, serveRpc } from '../wire/rpc.ts'
import { type LogOptions, outputOf, untilGone } from './logs.ts'
import type { TakenTable } from './taken-table.ts'

/** That a requester was given the address of a log: whoever comes for it from the same machine shortly after may have it. */
interface Ticket {
  readonly requester: string
  readonly from: string
  readonly until: number
}

/** Addresses that are out at a time. */
const MOST_TICKETS = 1_000

/**
 * Output as requesters before release 1.2.2 get it. They ask for an address, and come there with a peer ID that nobody has seen
 * before. So what they were given counts as their proof: the name of an execution, once, for a minute, from where they asked.
 */
export async function handleLogsB(options: LogOptions, table: TakenTable): Promise<Stoppable[]> {
  const { host, clock } = options
  const tickets = new Map<string, Ticket>()
  const none = { Address: '', ExecutionFinished: false }
  const address = await serveRpc(
    host,
    GO_PROTOCOLS.logAddress,
    logAddressSchema,
    none,
    async ({ ExecutionID }, speaker) => {
      const state = table.knownState(speaker.peer, ExecutionID)
      for (const [id, { until }] of tickets) if (until < clock.now()) tickets.delete(id)
      if (tickets.size >= MOST_TICKETS) throw new BacalhauError('TooManyRequests', 'too many logs are asked for')
      const until = clock.now() + LIMITS.goLogTicket
      tickets.set(ExecutionID, { requester: speaker.peer, from: hostOf(speaker.address), until })
      const ExecutionFinished = ['Completed', 'Failed', 'Cancelled'].includes(state)
      return { Address: addressFor(host, speaker.address), ExecutionFinished }
    },
    options,
  )
  const admits = ({ address }: { readonly address: string }) =>
    [...tickets.values()].some(({ from, until }) => from === hostOf(address) && until >= clock.now())
  const stream = await serveGo(host, GO_PROTOCOLS.logStream, { ...options, admits }, async (bytes, speaker, room) => {
    const { ExecutionID, WithHistory, Follow } = await readRequest(bytes, logStreamSchema, room)
    const ticket = tickets.get(ExecutionID)
    tickets.delete(ExecutionID)
    if (ticket === undefined || ticket.from !== hostOf(speaker.address) || ticket.until < clock.now())
      throw new BacalhauError('Forbidden', 'nobody was given the address of this log')
    const wanted = { executionId: ExecutionID, tail: !WithHistory, follow: Follow, reader: ticket.requester }
    await untilGone(bytes, async (signal) => {
      for await (const chunk of outputOf(wanted, options, table, signal)) await bytes.send(frameOf(chunk), { signal })
    })
  })
  return [address, stream]
}

/** The IP address in a multiaddr. */
const hostOf = (multiaddr: string): string => multiaddr.split('/')[2] ?? ''

/** Where whoever is seen at `seen` can reach this node. */
function addressFor(host: Libp2p, seen: string): string {
  const ours = host
    .getMultiaddrs()
    .map((address) => address.toString())
    .filter((address) => /^\/ip[46]\/[^/]+\/tcp\/\d+\/p2p\//.test(address))
  const family = seen.split('/')[1]
  const near = ours.filter((address) => isLoopback(address) === isLoopback(seen) && address.split('/')[1] === family)
  return near[0] ?? ours[0] ?? ''
}

/** As Docker multiplexes: 1 or 2 for the stream, three zeros, the length (big-endian), the data. */
export function frameOf({ stream, bytes }: LogChunk): Buffer {
  const frame = Buffer.alloc(8 + bytes.length)
  frame[0] = stream === 'stdout' ? 1 : 2
  frame.writeUInt32BE(bytes.length, 4)
  frame.set(bytes, 8)
  return frame
}
