import { get } from 'node:http'
import type { Io } from '../io.ts'
import { plainLine } from '../terminal/plain.ts'
import { fail, type Finding, ok, warn } from './finding.ts'
import { addressOf } from './peers.ts'
import { reasonOf, whyUnreachable } from './reach.ts'

type Place = { readonly socketPath: string } | { readonly host: string; readonly port: number }

/** Milliseconds that Docker gets. */
const PATIENCE = 3_000
const LOCAL = process.platform === 'win32' ? '//./pipe/docker_engine' : '/var/run/docker.sock'

/** Does a Docker engine answer, where `DOCKER_HOST` says or where it usually is? */
export async function checkDocker(env: Io['env']): Promise<Finding> {
  const named = env['DOCKER_HOST'] ?? ''
  const place = named === '' ? { socketPath: LOCAL } : placeOf(named)
  if (place === undefined)
    return warn('Docker', `DOCKER_HOST=${plainLine(named)} is of a kind that cannot be tried here`)
  const problem = await ping(place)
  if (problem === undefined) return ok('Docker', `answers at ${named === '' ? LOCAL : plainLine(named)}`)
  if (named !== '') return fail('Docker', `${plainLine(named)}: ${problem}`, 'Start that engine, or unset DOCKER_HOST.')
  return warn(
    'Docker',
    `no engine here (${problem})`,
    'WebAssembly jobs run without it. For Docker jobs, install and start one.',
  )
}

function placeOf(text: string): Place | undefined {
  if (text.startsWith('unix://')) return { socketPath: text.slice('unix://'.length) }
  const url = URL.parse(text.replace(/^tcp:/, 'http:'))
  if (url === null || url.protocol !== 'http:') return undefined
  return { host: url.hostname, port: Number(url.port || 2_375) }
}

function ping(place: Place): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ ...place, path: '/_ping', timeout: PATIENCE }, (response) => {
      response.resume()
      resolve(response.statusCode === 200 ? undefined : `it answers with status ${response.statusCode}`)
    })
    request.once('timeout', () => {
      resolve(`no answer within ${PATIENCE / 1_000} seconds`)
      request.destroy()
    })
    request.once('error', (error) => resolve(reasonOf(error)))
  })
}

/** The IPFS node that the user has named, if any. The one inside of each node needs nothing. */
export async function checkIpfs(env: Io['env']): Promise<Finding> {
  const named = env['BACALHAU_IPFS_CONNECT'] ?? ''
  if (named === '') return ok('IPFS', 'the one inside of the node')
  const place = addressOf(named)
  if (place === undefined)
    return warn('IPFS', `BACALHAU_IPFS_CONNECT=${plainLine(named)} is no address like /ip4/127.0.0.1/tcp/5001`)
  const problem = await whyUnreachable(place)
  if (problem === undefined) return ok('IPFS', `${plainLine(named)} is reachable`)
  return fail('IPFS', `${plainLine(named)}: ${problem}`, 'Start that IPFS node, or unset BACALHAU_IPFS_CONNECT.')
}
