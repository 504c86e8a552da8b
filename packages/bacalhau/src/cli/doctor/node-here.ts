import { ApiError, type Client } from '@bacalhau/client'
import type { PeerResponse } from '@bacalhau/models'
import type { Settings } from '../../node/config-settings.ts'
import { messageOf } from '../../runtime/error.ts'
import { VERSION } from '../../runtime/version.ts'
import { plainLine } from '../terminal/plain.ts'
import { formatSpan } from '../terminal/time.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import { type PortState, portState } from './reach.ts'

/** A node that answers where commands look for one. */
export interface Answering {
  readonly version: string
  /** Milliseconds by which its clock is ahead of that of this machine, to a second; undefined when it does not say. */
  readonly ahead: number | undefined
  readonly peer: PeerResponse | undefined
}

/** Asks the node who it is: what every caller may ask. Undefined when none answers. */
export async function findNode(client: Client, now: () => number, signal: AbortSignal): Promise<Answering | undefined> {
  try {
    const { GitVersion } = await client.agent.version({ signal })
    const peer = await client.agent.peer({ signal }).catch(() => undefined)
    return { version: plainLine(GitVersion), ahead: await aheadBy(client.baseUrl, now, signal), peer }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof ApiError) return undefined
    throw error
  }
}

async function aheadBy(baseUrl: string, now: () => number, signal: AbortSignal): Promise<number | undefined> {
  const before = now()
  try {
    const response = await fetch(`${baseUrl}/api/v1/agent/alive`, { signal })
    await response.body?.cancel()
    const theirs = Date.parse(response.headers.get('date') ?? '')
    // The header is cut to a second: half of one is its middle.
    return Number.isNaN(theirs) ? undefined : theirs + 500 - (before + now()) / 2
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

export function checkApi(url: string, node: Answering | undefined, chosen: boolean): Finding {
  if (node === undefined) {
    const hint = 'Start one with `bacalhau serve`, or name another with --api-host and --api-port.'
    return (chosen ? fail : warn)('API', `no node answers at ${url}`, hint)
  }
  const version = node.version.replace(/^v/, '')
  if (version === VERSION) return ok('API', `${url}, version ${version}`)
  return warn(
    'API',
    `${url} has version ${version}, this program is ${VERSION}`,
    'The older of the two may lack abilities.',
  )
}

/** May this user do something there? */
export async function checkCredential(client: Client, signal: AbortSignal): Promise<Finding> {
  try {
    await client.jobs.list({ limit: 1, signal })
    return ok('Access', 'jobs may be read')
  } catch (error) {
    signal.throwIfAborted()
    const status = error instanceof ApiError ? error.status : 0
    if (status === 401) return fail('Access', 'the node wants a token, or this one is not valid', TOKEN)
    if (status === 403) return warn('Access', 'the node knows this caller, who may not read jobs', TOKEN)
    // A node without an orchestrator has no jobs.
    return status === 501 || status === 503 ? ok('Access', messageOf(error)) : warn('Access', messageOf(error))
  }
}

const TOKEN = 'Ask its operator for a token (`bacalhau auth token create`) and set BACALHAU_API_KEY.'

/** Milliseconds by which clocks may differ without and with harm. */
const SLACK = 5_000
const TOO_MUCH = 60_000

export function checkClock(ahead: number | undefined): Finding {
  if (ahead === undefined) return ok('Clock', 'the node does not tell its time')
  const off = Math.abs(ahead)
  if (off < SLACK) return ok('Clock', 'agrees with that of the node')
  const text = `${formatSpan(off)} ${ahead > 0 ? 'behind' : 'ahead of'} that of the node`
  const hint = 'Times that are shown are wrong, and tokens may seem expired. Switch on time synchronisation (NTP).'
  return (off < TOO_MUCH ? warn : fail)('Clock', text, hint)
}

type PortSettings = Pick<Settings, 'apiHost' | 'apiPort' | 'swarmHost' | 'swarmPort'>

/** Could a node listen here, or does ours? */
export async function checkPorts(settings: PortSettings, node: Answering | undefined): Promise<readonly Finding[]> {
  const { apiHost, apiPort, swarmHost, swarmPort } = settings
  const isOurs = node?.peer?.Addresses.some((address) => address.includes(`/tcp/${swarmPort}/`)) === true
  const api = /^https?:/i.test(apiHost)
    ? []
    : [await checkPort('API port', apiHost, apiPort, node !== undefined, '--api-port')]
  return [...api, await checkPort('Swarm port', swarmHost, swarmPort, isOurs, '--port')]
}

async function checkPort(check: string, host: string, port: number, isOurs: boolean, flag: string): Promise<Finding> {
  if (port === 0) return ok(check, 'any free one')
  const state: PortState = await portState(host, port)
  switch (state) {
    case 'free':
      return ok(check, `${port} is free`)
    case 'taken':
      if (isOurs) return ok(check, `${port} is in use by the node`)
      return fail(
        check,
        `${port} is in use by another program`,
        `Stop that one (\`lsof -i :${port}\` names it), or: bacalhau serve ${flag} …`,
      )
    case 'forbidden':
      return fail(check, `this user may not listen on ${port}`, `Choose one above 1023: bacalhau serve ${flag} …`)
    case 'no such address':
      // The API host may name another machine: then commands go there, and no node is meant to listen here.
      return warn(
        check,
        `${host} is not an address of this machine`,
        'A node that is started here could not listen there.',
      )
  }
}
