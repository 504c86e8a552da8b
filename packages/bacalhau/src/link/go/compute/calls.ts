import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { z } from 'zod'
import type { Stoppable } from '../../../runtime/lifecycle.ts'
import { goFlag, goName, goObject } from '../wire/go-json.ts'
import { bidAcceptedSchema, NO_EXECUTION, orderSchema, type Routing, routing } from '../wire/messages.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { serveRpc, type ServeOptions, type Speaker } from '../wire/rpc.ts'
import type { Ask, RequesterDesk } from './requester-desk.ts'

/** The ask of both generations: before release 1.0.4 the job stands beside the names, from then on within an execution. */
const askSchema = goObject({
  ...routing,
  ExecutionID: goName,
  JobID: goName,
  Job: z.unknown().optional(),
  Execution: goObject({ ID: goName, JobID: goName, Job: z.unknown().optional() }),
  WaitForApproval: goFlag,
})

/** Addresses of one requester that are kept to call it back. */
const MOST_ADDRESSES = 8

/** Serves the calls of requesters. */
export async function handleCalls(
  { host, ...options }: ServeOptions & { readonly host: Libp2p },
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
  const { askForBid, bidAccepted, bidRejected, cancel, resultAccepted, resultRejected } = GO_PROTOCOLS
  return [
    await serve(askForBid, askSchema, async (request, desk, { peer }) =>
      desk.ask({ ...askOf(request), addresses: await addressesOf(host, peer) }),
    ),
    await serve(bidAccepted, bidAcceptedSchema, ({ ExecutionID }, desk) => desk.accept(ExecutionID)),
    await serve(bidRejected, orderSchema, ({ ExecutionID }, desk) => desk.reject(ExecutionID)),
    await serve(cancel, orderSchema, ({ ExecutionID, Justification }, desk) => desk.cancel(ExecutionID, Justification)),
    await serve(resultAccepted, orderSchema, ({ ExecutionID }, desk) => desk.acceptResult(ExecutionID)),
    await serve(resultRejected, orderSchema, ({ ExecutionID }, desk) => desk.rejectResult(ExecutionID)),
  ]
}

function askOf({ Execution, ...request }: z.output<typeof askSchema>): Omit<Ask, 'addresses'> {
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
