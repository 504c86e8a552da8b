import type { Job } from '@bacalhau/models'
import type { Orchestrator } from '../../orchestrator/service.ts'
import type { Clock } from '../../runtime/clock.ts'

export interface WaitTarget {
  readonly id: string
  readonly namespace: string | undefined
  /** The revision that the caller knows. */
  readonly revision: number
}

export interface Patience {
  readonly milliseconds: number
  readonly signal: AbortSignal
  readonly clock: Clock
}

/** The job once it is past the known revision or has ended; undefined when that takes too long. Rejects when `signal` aborts. */
export async function waitForChange(
  orchestrator: Orchestrator,
  { id, namespace, revision }: WaitTarget,
  { milliseconds, signal, clock }: Patience,
): Promise<Job | undefined> {
  const expiry = new AbortController()
  const timer = clock.after(milliseconds, () => expiry.abort())
  try {
    return await orchestrator.waitForChange(id, revision, AbortSignal.any([signal, expiry.signal]), namespace)
  } catch (error) {
    if (expiry.signal.aborted && !signal.aborted) return undefined
    throw error
  } finally {
    timer.cancel()
  }
}
