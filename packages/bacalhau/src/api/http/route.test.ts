import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { fastify, type FastifyInstance } from 'fastify'
import { z } from 'zod'
import { type Clock, systemClock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { ManualClock } from '../testing/clock.ts'
import { queryCount } from './query.ts'
import { addRoute, prepareRoutes, type Route, routesOf } from './route.ts'

const things: Route = { method: 'GET', path: '/things', needs: 'read:job', tag: 'jobs', summary: 'Things' }

function app(clock: Clock = systemClock): FastifyInstance {
  const app = fastify()
  prepareRoutes(app, clock)
  return app
}

describe('routes', () => {
  test('are listed as they were declared, those of plugins included', async () => {
    const server = app()
    addRoute(server, things, () => 'x')
    void server.register((inner, _options, done) => {
      addRoute(inner, { ...things, method: 'PUT' }, () => 'y')
      done()
    })
    await server.ready()
    assert.deepEqual(
      routesOf(server).map(({ method, path }) => [method, path]),
      [
        ['GET', '/things'],
        ['PUT', '/things'],
      ],
    )
  })

  test('have their declaration at hand in every hook', async () => {
    const server = app()
    const needs: unknown[] = []
    server.addHook('onRequest', async ({ routeOptions }) => void needs.push(routeOptions.config.route?.needs))
    addRoute(server, things, () => 'x')
    await server.inject('/things')
    await server.inject('/other')
    assert.deepEqual(needs, ['read:job', undefined])
  })

  test('get their query checked', async () => {
    const server = app()
    addRoute(server, { ...things, query: z.object({ n: queryCount(9) }) }, (_request, _reply, { n }) => ({ n }))
    assert.deepEqual((await server.inject('/things?n=3&m=1')).json(), { n: 3 })
    assert.equal((await server.inject('/things?n=10')).json<{ code: string }>().code, 'BadRequest')
  })

  test('answer HEAD as GET, without the body, and read no stream to its end', async () => {
    const server = app()
    const endless = new Readable({ read: () => {} })
    addRoute(server, things, () => ({ a: 1 }))
    addRoute(server, { ...things, path: '/stream' }, (_request, reply) => reply.type('text/plain').send(endless))
    const head = await server.inject({ method: 'HEAD', url: '/things' })
    assert.deepEqual([head.statusCode, head.body, head.headers['content-length']], [200, '', '7'])
    const { statusCode, body, headers } = await server.inject({ method: 'HEAD', url: '/stream' })
    assert.deepEqual([statusCode, body, headers['content-type']], [200, '', 'text/plain'])
    assert.equal(endless.destroyed, true)
  })

  test('that take too long are answered in time, unless they are there to wait', async () => {
    const clock = new ManualClock()
    const server = app(clock)
    const work = Promise.withResolvers<string>()
    addRoute(server, things, () => work.promise)
    addRoute(server, { ...things, path: '/patient', patience: LIMITS.requestAnswer * 2 }, () => work.promise)
    addRoute(server, { ...things, path: '/streamed', streamed: true }, () => work.promise)
    const answers = ['/things', '/patient', '/streamed'].map((url) => server.inject(url))
    while (clock.waiting < 2) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(LIMITS.requestAnswer)
    const late = await answers[0]
    assert.deepEqual(
      [late?.json<{ code: string }>().code, late?.json<{ message: string }>().message],
      ['ServiceUnavailable', 'Server Timeout!'],
    )
    work.resolve('done')
    assert.deepEqual(
      (await Promise.all(answers.slice(1))).map(({ body }) => body),
      ['done', 'done'],
    )
    assert.equal(clock.waiting, 0)
  })
})
