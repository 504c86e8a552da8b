import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

const METHODS = 'GET, HEAD, PUT, POST, DELETE'
const REQUEST_HEADERS = 'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id, Range'
const ANSWER_HEADERS = 'X-Request-Id, Retry-After, ETag, Content-Range, Content-Disposition'
/** A browser may remember the answer to its question for so long. Seconds. */
const REMEMBERED = '600'

/**
 * Lets the pages of these origins read answers (the CORS protocol of https://fetch.spec.whatwg.org). `*` stands for every
 * page. Without any, no header says so, and browsers keep other pages out. Goes before the guard: the question whether a
 * request may be sent bears no credential.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return
  app.addHook('onRequest', (request, reply, done) => {
    void reply.header('vary', 'Origin')
    const { origin } = request.headers
    if (origin === undefined || !(origins.includes('*') || origins.includes(origin.toLowerCase()))) return done()
    void reply.header('access-control-allow-origin', origin)
    void reply.header('access-control-expose-headers', ANSWER_HEADERS)
    if (isPreflight(request)) return void answerPreflight(request, reply)
    done()
  })
}

const isPreflight = ({ method, headers }: FastifyRequest): boolean =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined

function answerPreflight(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.header('access-control-allow-methods', METHODS)
  void reply.header('access-control-allow-headers', REQUEST_HEADERS)
  void reply.header('access-control-max-age', REMEMBERED)
  if (request.headers['access-control-request-private-network'] === 'true') {
    void reply.header('access-control-allow-private-network', 'true')
  }
  return reply.code(204).removeHeader('content-type').send()
}
