import type { FastifyInstance, FastifyReply } from 'fastify'
import { z } from 'zod'
import type { Api } from '../context.ts'
import { addRoute, routesOf } from '../http/route.ts'

const open = { method: 'GET', needs: 'public', tag: 'operations' } as const

/** Nothing from elsewhere, no script but our own, and no page of anybody around it. */
const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The reference of the API, for programs and for people. Made when it is asked for the first time, of what is declared. */
export function openApiRoutes(app: FastifyInstance, api: Api): void {
  const document = once(async () => {
    const { openApiOf } = await import('./document.ts')
    return openApiOf(routesOf(app), api.nodeInfo().BacalhauVersion.GitVersion)
  })
  const json = once(async () => `${JSON.stringify(await document())}\n`)
  const page = once(async () => (await import('./page/page.ts')).pageOf(await document()))
  addRoute(
    app,
    {
      ...open,
      path: '/api/v1/openapi.json',
      summary: 'This reference as an OpenAPI document',
      answer: z.record(z.string(), z.unknown()),
    },
    async (_request, reply) => plain(reply, 'application/json', await json()),
  )
  addRoute(
    app,
    { ...open, path: '/docs', summary: 'This reference as a page', answerType: 'text/html' },
    async (_request, reply) => plain(reply, 'text/html; charset=utf-8', await page()),
  )
  addRoute(
    app,
    { ...open, path: '/docs/style.css', summary: 'Style of the page', hidden: true },
    async (_request, reply) => plain(reply, 'text/css; charset=utf-8', (await import('./page/style.ts')).STYLE),
  )
  addRoute(
    app,
    { ...open, path: '/docs/script.js', summary: 'Script of the page', hidden: true },
    async (_request, reply) =>
      plain(reply, 'text/javascript; charset=utf-8', (await import('./page/script.ts')).SCRIPT),
  )
}

function plain(reply: FastifyReply, type: string, text: string): string {
  void reply.headers({
    'content-type': type,
    'content-security-policy': POLICY,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  })
  void reply.serializer((value: unknown) => String(value))
  return text
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
