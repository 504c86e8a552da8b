import { loginRequestSchema, type WhoAmI } from '@bacalhau/models'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { BacalhauError } from '../../runtime/error.ts'
import { pathParameter, readDocument } from '../http/request.ts'
import { addRoute } from '../http/route.ts'
import { isOlderClient } from '../http/version.ts'
import type { Auth } from './auth.ts'
import { unknownKey } from './authenticator.ts'
import { accessOf } from './guard.ts'

const AUTH = '/api/v1/auth'
/** The documented name of the method by which official clients log in with their key. */
const METHOD = 'ClientKey'
/** Bytes of a login. */
const LOGIN_BODY = 32_768

const requirementSchema = z.object({ type: z.literal('challenge'), params: z.object({ InputPhrase: z.string() }) })
const outcomeSchema = z.object({
  Authentication: z.object({ success: z.boolean(), reason: z.string().optional(), token: z.string().optional() }),
})
const whoAmISchema = z.object({
  Name: z.string(),
  Kind: z.string(),
  Capabilities: z.array(z.string()),
  Namespaces: z.array(z.string()).optional(),
})

const open = { needs: 'public', tag: 'auth' } as const

/** How clients that know nothing of tokens log in: with a key of theirs (the method `ClientKey` of the documented API). */
export function loginRoutes(app: FastifyInstance, auth: Auth): void {
  informationRoutes(app)
  const requirement = () => {
    const InputPhrase = requireLogin(auth).challenge.phrase(auth.clock.now())
    return { type: 'challenge', params: { InputPhrase } } as const
  }
  addRoute(
    app,
    {
      ...open,
      method: 'GET',
      path: AUTH,
      summary: 'List the ways to log in',
      answer: z.object({ NextToken: z.string(), Methods: z.record(z.string(), requirementSchema) }),
    },
    (request) => {
      const name = isOlderClient(request.raw) ? METHOD.toLowerCase() : METHOD
      return { NextToken: '', Methods: auth.login === undefined ? {} : { [name]: requirement() } }
    },
  )
  const byName = `${AUTH}/:name`
  addRoute(
    app,
    { ...open, method: 'GET', path: byName, summary: 'Ask what a way to log in wants', answer: requirementSchema },
    (request) => {
      checkMethod(request, auth)
      return requirement()
    },
  )
  addRoute(
    app,
    {
      ...open,
      method: 'POST',
      path: byName,
      summary: 'Log in and get a token',
      body: loginRequestSchema,
      answer: outcomeSchema,
    },
    (request, reply) => {
      checkMethod(request, auth)
      return logIn(request, reply, auth)
    },
    { bodyLimit: LOGIN_BODY },
  )
}

/** What official clients ask about single sign-on, which there is none of. */
const configSchema = z.object({ Version: z.string(), Config: z.object({}) })

function informationRoutes(app: FastifyInstance): void {
  addRoute(
    app,
    {
      ...open,
      method: 'GET',
      path: '/api/v1/agent/authconfig',
      summary: 'Tell how to log in by single sign-on: not at all',
      answer: configSchema,
    },
    () => ({ Version: '1.0.0', Config: {} }),
  )
  addRoute(
    app,
    { ...open, method: 'GET', path: `${AUTH}/whoami`, summary: 'Tell the caller who they are', answer: whoAmISchema },
    (request): WhoAmI => {
      const { name, kind, capabilities, namespaces } = accessOf(request)
      const limits = namespaces === 'all' ? {} : { Namespaces: namespaces }
      return { Name: name, Kind: kind, Capabilities: capabilities, ...limits }
    },
  )
}

/** Both outcomes have the same body, as documented. */
function logIn(request: FastifyRequest, reply: FastifyReply, auth: Auth): z.output<typeof outcomeSchema> {
  const { challenge, jwt } = requireLogin(auth)
  const document = readDocument(request, loginRequestSchema)
  const now = auth.clock.now()
  const refuse = (reason: string) => {
    void reply.code(401)
    return { Authentication: { success: false, reason } }
  }
  const checked = challenge.check(parseData(document?.MethodData ?? ''), now)
  if ('problem' in checked) return refuse(checked.problem)
  // Whoever is let in for another reason may have a token, too; it says no more than who they are.
  if (auth.keys.find(checked.clientId) === undefined && accessOf(request).kind === 'stranger') {
    const { reason, hint } = unknownKey(checked.clientId)
    return refuse(`${reason}. ${hint}`)
  }
  return { Authentication: { success: true, token: jwt.issue(checked.clientId, now) } }
}

function parseData(base64: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64, 'base64').toString())
  } catch {
    return undefined
  }
}

function requireLogin({ login }: Auth): NonNullable<Auth['login']> {
  if (login !== undefined) return login
  throw new BacalhauError('NotFound', 'one cannot log in here: this node has users with passwords or keys', {
    hint: 'Set BACALHAU_API_KEY, or BACALHAU_API_USERNAME and BACALHAU_API_PASSWORD.',
  })
}

function checkMethod(request: FastifyRequest, auth: Auth): void {
  requireLogin(auth)
  const name = pathParameter(request, 'name')
  // Releases before 1.4 spoke of it in lower case.
  if (name.toLowerCase() === METHOD.toLowerCase()) return
  throw new BacalhauError('NotFound', `there is no way to log in by the name of ${name}; ${METHOD} is one`)
}
