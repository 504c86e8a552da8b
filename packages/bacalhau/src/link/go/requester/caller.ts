import { publicKeyToProtobuf } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import type { GoRun } from '../jobs/write-parts.ts'
import { writeAsk } from '../jobs/write-execution.ts'
import { writeLegacyAsk } from '../jobs/write-legacy-job.ts'
import { executionResponseSchema } from '../wire/messages.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import { callGo } from '../wire/rpc.ts'
import type { Asked, Call } from './asked.ts'

/** Calls a Go compute node about one execution. Resolves to its refusal in its own words, or to undefined. Throws when it cannot be reached. */
export type GoCaller = (call: GoCall, signal: AbortSignal) => Promise<string | undefined>

export interface GoCall {
  readonly call: Call
  readonly executionId: string
  readonly peer: string
  readonly generation: Asked['generation']
  /** Only to ask. */
  readonly source?: Pick<GoRun, 'job' | 'partition' | 'resources'>
}

const PROTOCOLS: Readonly<Record<Call, string>> = {
  ask: GO_PROTOCOLS.askForBid,
  accept: GO_PROTOCOLS.bidAccepted,
  reject: GO_PROTOCOLS.bidRejected,
  cancel: GO_PROTOCOLS.cancel,
  'accept result': GO_PROTOCOLS.resultAccepted,
  'reject result': GO_PROTOCOLS.resultRejected,
}

const UNWANTED = 'the execution is not wanted any more'

export function createGoCaller(host: Libp2p): GoCaller {
  const self = host.peerId.toString()
  const { publicKey } = host.peerId
  const key = publicKey === undefined ? new Uint8Array() : publicKeyToProtobuf(publicKey)

  function requestOf({ call, executionId, peer, generation, source }: GoCall): object {
    const routing = { SourcePeerID: self, TargetPeerID: peer }
    switch (call) {
      case 'ask': {
        if (source === undefined) throw new Error('there is nothing to ask for')
        const run: GoRun = { ...source, executionId, node: peer, self }
        return generation === 'b' ? writeLegacyAsk(run, key) : writeAsk(run)
      }
      case 'accept':
        return { ...routing, ExecutionID: executionId, Accepted: true, Justification: '' }
      case 'accept result':
        return { ...routing, ExecutionID: executionId }
      default:
        return { ...routing, ExecutionID: executionId, Justification: UNWANTED }
    }
  }

  return async (call, signal) => {
    const protocol = PROTOCOLS[call.call]
    const answer = await callGo(host, call.peer, protocol, requestOf(call), executionResponseSchema, signal)
    return answer.ok ? undefined : answer.error
  }
}
