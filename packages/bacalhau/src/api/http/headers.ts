import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { BuildInfo } from '@bacalhau/models'
import type { Random } from '../../runtime/random.ts'
import { encodeJson } from './answer.ts'

/** The id of a request: the caller's own where it is a sensible one, else 32 random characters. */
export function requestId(request: IncomingMessage, random: Random): string {
  const given = request.headers['x-request-id']
  if (typeof given === 'string' && /^[\w.:=+/-]{1,128}$/.test(given)) return given
  return Buffer.from(random.bytes(16)).toString('hex')
}

/** Names every answer by its request's id. The first hook, so that refused requests are named as well. */
export function nameRequests(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id)
    void reply.header('content-type', 'application/json')
    void reply.header('x-content-type-options', 'nosniff')
    const pretty = Object.hasOwn(request.query as object, 'pretty')
    void reply.serializer((value: unknown) => encodeJson(value, { pretty }))
    done()
  })
}

/** Says which build answers. As documented, only those whom the guard lets in are told. */
export function describeBuild(
  app: FastifyInstance,
  { GitVersion, GitCommit, BuildDate, GOOS, GOARCH }: BuildInfo,
): void {
  const headers = {
    'x-bacalhau-git-version': GitVersion,
    'x-bacalhau-git-commit': GitCommit,
    'x-bacalhau-build-date': BuildDate,
    'x-bacalhau-build-os': GOOS,
    'x-bacalhau-arch': GOARCH,
  }
  app.addHook('onRequest', (_request, reply, done) => {
    void reply.headers(headers)
    done()
  })
}
