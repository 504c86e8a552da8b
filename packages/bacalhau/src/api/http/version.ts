import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'

/** The oldest release whose clients understand these answers. */
const OLDEST = '1.4.0'

/** Release numbers, with what may follow them. */
const VERSION = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[\w.-]+)?(?:\+[\w.-]+)?$/

/** The release that a client says it is, if it does. Builds of developers say nothing that one could go by. */
export function clientVersion({ headers }: IncomingMessage): string | undefined {
  const given = headers['x-bacalhau-git-version']
  if (typeof given !== 'string' || given === '' || /^v0\.0\.0(?:-|$)/.test(given)) return undefined
  return given
}

/** A status and a body of its own kind, as documented: clients look for these very keys. */
export interface VersionRefusal {
  readonly status: 400 | 403
  readonly body: Readonly<Record<string, string>>
}

function isOlder([, major, minor, patch, prerelease]: RegExpExecArray): boolean {
  const oldest = OLDEST.split('.').map(Number)
  const numbers = [major, minor, patch].map((part) => Number(part ?? 0))
  const index = numbers.findIndex((part, place) => part !== oldest[place])
  return index === -1 ? prerelease !== undefined : (numbers[index] ?? 0) < (oldest[index] ?? 0)
}

/** Is the client of a release that reads answers in the form of the libp2p era? */
export function isOlderClient(request: IncomingMessage): boolean {
  const parsed = VERSION.exec(clientVersion(request) ?? '')
  return parsed !== null && isOlder(parsed)
}

/** Why a client of this version is not served; undefined when it is. */
export function refuseVersion(version: string | undefined, server: string): VersionRefusal | undefined {
  if (version === undefined) return undefined
  const parsed = VERSION.exec(version)
  if (parsed === null) return { status: 400, body: { Error: `Invalid client version ${version.slice(0, 64)}` } }
  if (!isOlder(parsed)) return undefined
  const plain = (text: string) => text.replace(/^v/, '')
  const body = {
    Error: 'Client version is outdated. Update your client',
    MinVersion: OLDEST,
    ClientVersion: plain(version),
    ServerVersion: plain(server),
  }
  return { status: 403, body }
}

/** Turns away clients that are too old for what they ask. The paths of their own time are for them, and so is what is answered
 * in the form of their time. */
export function checkVersions(app: FastifyInstance, server: string): void {
  const refuse = (request: IncomingMessage) => refuseVersion(clientVersion(request), server)
  app.addHook('onRequest', (request, reply, done) => {
    const { route } = request.routeOptions.config ?? {}
    const refusal = route?.tag === 'legacy' || route?.tag === 'auth' ? undefined : refuse(request.raw)
    if (refusal === undefined || (refusal.status === 403 && route?.anyVersion === true)) return done()
    void reply.code(refusal.status).send(refusal.body)
  })
}
