import type { FastifyInstance } from 'fastify'
import type { Api } from '../context.ts'
import { addRoute } from '../http/route.ts'
import { EXPOSITION_TYPE, expose } from './exposition.ts'

export function metricsRoute(app: FastifyInstance, { meter }: Api): void {
  addRoute(
    app,
    {
      method: 'GET',
      path: '/metrics',
      needs: 'read:agent',
      tag: 'operations',
      summary: 'Numbers for Prometheus',
      answerType: 'text/plain',
    },
    (_request, reply) => {
      void reply.header('content-type', EXPOSITION_TYPE).serializer((value: unknown) => String(value))
      return expose(meter.read())
    },
  )
}
