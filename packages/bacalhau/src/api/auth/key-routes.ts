import { allowKeyRequestSchema, clientKeyInfoSchema } from '@bacalhau/models'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { pathParameter, readDocument } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import type { Auth } from './auth.ts'

const KEYS = '/api/v1/auth/keys'
const managed = { needs: 'admin', tag: 'auth' } as const
const answer = z.object({ Info: clientKeyInfoSchema })

export function keyRoutes(app: FastifyInstance, { keys }: Pick<Auth, 'keys'>): void {
  addRoute(
    app,
    {
      ...managed,
      method: 'GET',
      path: KEYS,
      summary: 'List the client keys that may be used from other machines',
      answer: z.object({ NextToken: z.string(), Items: z.array(clientKeyInfoSchema) }),
    },
    () => ({ NextToken: '', Items: keys.list() }),
  )
  addRoute(
    app,
    {
      ...managed,
      method: 'POST',
      path: KEYS,
      summary: 'Allow a client key',
      body: allowKeyRequestSchema,
      answer,
    },
    async (request) => {
      const document = readDocument(request, allowKeyRequestSchema)
      if (document === undefined) throw new BacalhauError('ValidationError', 'ClientID: is missing')
      return { Info: await keys.allow(document) }
    },
  )
  addRoute(
    app,
    { ...managed, method: 'DELETE', path: `${KEYS}/:id`, summary: 'Take the right from a client key', answer },
    async (request) => ({ Info: await keys.remove(pathParameter(request, 'id').toLowerCase()) }),
  )
}
