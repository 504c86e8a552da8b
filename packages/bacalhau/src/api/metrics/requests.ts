import type { FastifyInstance } from 'fastify'
import { DURATIONS, type Meter } from '../../runtime/meter.ts'

/** Counts requests by what they were for, and how long answers took that do not go on for as long as the caller likes. */
export function measureRequests(app: FastifyInstance, meter: Meter): void {
  const requests = meter.counter('bacalhau_http_requests_total', 'Requests that were answered, by route and status.')
  const seconds = meter.histogram(
    'bacalhau_http_request_duration_seconds',
    'Time from the head of a request to the end of its answer, without streams.',
    DURATIONS,
  )
  app.addHook('onResponse', (request, reply, done) => {
    const { route } = request.routeOptions.config ?? {}
    // Paths that are not there have no names of their own: anybody could make as many as he likes.
    const labels = { method: route === undefined ? 'other' : request.method, route: route?.path ?? 'none' }
    requests.add(1, { ...labels, status: String(reply.statusCode) })
    const isStream = route?.streamed === true || route?.tag === 'events'
    if (!isStream) seconds.observe(reply.elapsedTime / 1_000, labels)
    done()
  })
}
