import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { fastify } from 'fastify'
import { LIMITS } from '../../runtime/limits.ts'
import { cutOffStalled } from './stall.ts'

test('a caller has a bounded time to take something of an answer', async (context) => {
  const app = fastify()
  cutOffStalled(app)
  const sockets: Socket[] = []
  const endless = new Readable({ read: () => {} })
  app.get('/', ({ socket }, reply) => {
    sockets.push(socket)
    endless.push('begun')
    return reply.send(endless)
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  context.after(() => app.close())
  const { body } = await fetch(url)
  const reader = body?.getReader()
  await reader?.read()
  assert.deepEqual(
    sockets.map(({ timeout }) => timeout),
    [LIMITS.streamStall],
  )
  await reader?.cancel()
})
