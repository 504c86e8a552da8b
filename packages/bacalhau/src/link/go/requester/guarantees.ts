import type { NodeState } from '@bacalhau/models'
import { LIMITS } from '../../../runtime/limits.ts'

const GO = 'go-libp2p/'
/** The name of what nodes of a release of the Go program speak. */
export const goProtocol = (version: string): string => GO + version

const SECONDS = 1_000

const GUARANTEES: readonly string[] = [
  `It tells the end of a run once. One of which nothing is heard is asked about every ${LIMITS.goSilence / SECONDS} s; a run whose end got lost is run again.`,
  `A run that was under way when the node was restarted is run again. A node that cannot be reached for ${LIMITS.goAbsence / SECONDS} s counts as gone.`,
  'It never learns whether a result was accepted. Of several results of one run the first that arrives counts.',
  'Output can be followed while the run goes on. After its end the first 2 KiB are here, all of it in the published result.',
]
const LEGACY = 'Runs are ended after an hour where the job says nothing else.'

/** What the nodes of a protocol cannot promise; of our own nothing has to be said. `protocols`: what the node supports. */
export function describeProtocol(protocols: readonly string[]): Pick<NodeState, 'Protocol' | 'Guarantees'> {
  const go = protocols.find((name) => name.startsWith(GO))
  if (go !== undefined) {
    const isLegacy = /^go-libp2p\/v1\.0\.[0-3]\b/.test(go)
    return { Protocol: go, Guarantees: [...GUARANTEES, ...(isLegacy ? [LEGACY] : [])] }
  }
  const newest = protocols.filter((name) => name.startsWith('bacalhau-link/')).toSorted((a, b) => (a < b ? 1 : -1))[0]
  return newest === undefined ? {} : { Protocol: newest }
}
