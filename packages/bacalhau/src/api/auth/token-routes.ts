import { createTokenRequestSchema, tokenInfoSchema } from '@bacalhau/models'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { pathParameter, readDocument } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import type { Auth } from './auth.ts'

const TOKENS = '/api/v1/auth/tokens'
const managed = { needs: 'admin', tag: 'auth' } as const

export function tokenRoutes(app: FastifyInstance, { tokens }: Pick<Auth, 'tokens'>): void {
  addRoute(
    app,
    {
      ...managed,
      method: 'GET',
      path: TOKENS,
      summary: 'List tokens',
      answer: z.object({ NextToken: z.string(), Items: z.array(tokenInfoSchema) }),
    },
    () => ({ NextToken: '', Items: tokens.list() }),
  )
  addRoute(
    app,
    {
      ...managed,
      method: 'POST',
      path: TOKENS,
      summary: 'Create a token, which is shown this once',
      body: createTokenRequestSchema,
      answer: z.object({ Token: z.string(), Info: tokenInfoSchema }),
    },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store')
      const document = readDocument(request, createTokenRequestSchema)
      if (document === undefined)
        throw new BacalhauError('ValidationError', 'a body is missing; {} asks for the defaults')
      return tokens.create(document)
    },
  )
  addRoute(
    app,
    {
      ...managed,
      method: 'DELETE',
      path: `${TOKENS}/:id`,
      summary: 'Revoke a token',
      answer: z.object({ Info: tokenInfoSchema }),
    },
    async (request) => ({ Info: await tokens.revoke(pathParameter(request, 'id')) }),
  )
}
