import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { z } from 'zod'
import type { Clock } from '../../../runtime/clock.ts'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import {
  type AskForBid,
  askForBidSchema,
  bidAcceptedSchema,
  NO_EXECUTION,
  orderSchema,
  type Routing,
} from '../wire/messages.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { sendCallback, serveRpc, type ServeOptions, type Speaker } from '../wire/rpc.ts'
import { bid, failure } from './callbacks.ts'
import type { Ask, RequesterDesk } from './requester-desk.ts'

/** Addresses of one requester that are kept to call it back. */
const MOST_ADDRESSES = 8

export interface CallOptions extends ServeOptions {
  readonly host: Libp2p
  readonly clock: Clock
  /** Are requesters that give no work to this node told so? Their jobs would hang for ever otherwise. */
  readonly answersStrangers: boolean
}

/** Serves the calls of requesters. */
export async function handleCalls(
  { host, ...options }: CallOptions,
  deskOf: (speaker: Speaker) => RequesterDesk,
): Promise<Stoppable[]> {
  const serve = <T extends z.ZodType<Routing>>(
    protocol: string,
    schema: T,
    call: (request: z.output<T>, desk: RequesterDesk, speaker: Speaker) => Promise<object>,
  ) =>
    serveRpc(
      host,
      protocol,
      schema,
      NO_EXECUTION,
      (request, speaker) => call(request, deskOf(speaker), speaker),
      options,
    )
  const { bidAccepted, bidRejected, cancel, resultAccepted, resultRejected } = GO_PROTOCOLS
  return [
    await serveAsks(host, options, deskOf),
    await serve(bidAccepted, bidAcceptedSchema, ({ ExecutionID }, desk) => desk.accept(ExecutionID)),
    await serve(bidRejected, orderSchema, ({ ExecutionID }, desk) => desk.reject(ExecutionID)),
    await serve(cancel, orderSchema, ({ ExecutionID, Justification }, desk) => desk.cancel(ExecutionID, Justification)),
    await serve(resultAccepted, orderSchema, ({ ExecutionID }, desk) => desk.acceptResult(ExecutionID)),
    await serve(resultRejected, orderSchema, ({ ExecutionID }, desk) => desk.rejectResult(ExecutionID)),
  ]
}

/** Refusals for strangers that are on their way at a time. */
const MOST_REFUSALS = 16

function serveAsks(
  host: Libp2p,
  options: Omit<CallOptions, 'host'>,
  deskOf: (speaker: Speaker) => RequesterDesk,
): Promise<Stoppable> {
  const { admits, answersStrangers, clock, logger } = options
  let refusals = 0
  const refuse = async (requester: string, { executionId, jobId, generation, approval }: Omit<Ask, 'addresses'>) => {
    const about = { executionId, taken: { requester, jobId, generation }, self: host.peerId.toString() }
    const why = 'this node takes no work of this requester'
    const { protocol, message } = approval ? bid(about, why) : failure(about, `Job rejected: ${why}`)
    refusals += 1
    await sendCallback(host, requester, protocol, message, { present: true }).catch(() => undefined)
    refusals -= 1
  }
  const handler = async (request: AskForBid, speaker: Speaker) => {
    const asked = askOf(request)
    const { peer } = speaker
    if (admits(speaker)) return deskOf(speaker).ask({ ...asked, addresses: await addressesOf(host, peer) })
    logger.debug({ peer }, 'a requester of the Go program that is not trusted was refused')
    if (refusals < MOST_REFUSALS) clock.after(0, () => void refuse(peer, asked))
    return { ExecutionID: asked.executionId, JobID: asked.jobId }
  }
  return serveRpc(host, GO_PROTOCOLS.askForBid, askForBidSchema, NO_EXECUTION, handler, {
    ...options,
    admits: (speaker) => answersStrangers || admits(speaker),
    isStranger: (speaker) => !admits(speaker),
  })
}

function askOf({ Execution, ...request }: AskForBid): Omit<Ask, 'addresses'> {
  const { ExecutionID, JobID, Job } = request
  if (ExecutionID !== '' && Execution.ID === '') {
    return { executionId: ExecutionID, jobId: JobID, generation: 'b', approval: true, job: Job }
  }
  return {
    executionId: Execution.ID,
    jobId: Execution.JobID,
    generation: 'c',
    approval: request.WaitForApproval,
    job: Execution.Job,
  }
}

/** Where a requester says that it listens. */
async function addressesOf(host: Libp2p, peer: string): Promise<string[]> {
  const known = await host.peerStore.get(peerIdFromString(peer)).catch(() => undefined)
  const addresses = (known?.addresses ?? []).map(({ multiaddr }) => multiaddr.toString())
  return addresses.filter((address) => address.includes('/tcp/')).slice(0, MOST_ADDRESSES)
}
