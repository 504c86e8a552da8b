import type { Client } from '@bacalhau/client'
import { shortId } from '../job/short-id.ts'
import { plainLine } from '../terminal/plain.ts'
import type { Candidate, Kind } from './candidates.ts'

/** Jobs that are offered: the ones that changed last. */
const JOBS = 50

/** The jobs, nodes or peers of the node that answers, as words that commands take. Nobody who waits for a completion wants an error. */
export async function liveWords(
  client: Client,
  kind: Exclude<Kind, 'files'>,
  signal: AbortSignal,
): Promise<Candidate[]> {
  try {
    return await WORDS[kind](client, signal)
  } catch {
    return []
  }
}

async function jobWords({ jobs }: Client, signal: AbortSignal): Promise<Candidate[]> {
  const { Items } = await jobs.list({ limit: JOBS, orderBy: 'modified_at', reverse: true, signal })
  return Items.flatMap(({ ID, Name, State }) => {
    const about = plainLine(State.StateType.toLowerCase())
    const byId = { word: shortId(plainLine(ID)), about: Name === ID ? about : `${plainLine(Name)}, ${about}` }
    // A name that a shell would have to quote is no help.
    return Name === ID || !/^[\w.-]+$/.test(Name) ? [byId] : [byId, { word: Name, about }]
  })
}

async function nodeWords({ nodes }: Client, signal: AbortSignal): Promise<Candidate[]> {
  return (await nodes.list({ signal })).map(({ Info, Connection }) => {
    const name = Info.Labels['name']
    const about = plainLine(Connection.toLowerCase())
    return { word: shortId(plainLine(Info.NodeID)), about: name === undefined ? about : `${plainLine(name)}, ${about}` }
  })
}

async function peerWords({ peers }: Client, signal: AbortSignal): Promise<Candidate[]> {
  return (await peers.list({ signal })).flatMap(({ PeerID, State }) =>
    PeerID === undefined ? [] : [{ word: shortId(plainLine(PeerID)), about: plainLine(State) }],
  )
}

const WORDS = { job: jobWords, node: nodeWords, peer: peerWords } as const
