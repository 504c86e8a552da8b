import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { LIMITS } from '../../../runtime/limits.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { createVirtualClock } from '../../../runtime/virtual-clock.ts'
import { createAddressRules } from '../../../sources/outbound/address-rules.ts'
import { HTTP_RESULT, type HttpWish, type ToJob } from './messages.ts'
import { createHttpService, type OpenLine } from './service.ts'

const clock = createVirtualClock()
const service = createHttpService({
  clock,
  logger: silentLogger,
  reach: { rules: createAddressRules(['127.0.0.1']), resolve: async () => [] },
})

/** The server answers nothing but the ends of its connections, which it counts. */
let arrived = Promise.withResolvers<void>()
let left = Promise.withResolvers<void>()
const server = createServer((request) => {
  arrived.resolve()
  request.socket.on('close', () => left.resolve())
})
let url = ''
before(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const wish = (to: string): HttpWish => ({ kind: 'request', method: 'GET', url: to, headers: '', length: 0, room: 10 })

const open = () => {
  arrived = Promise.withResolvers()
  left = Promise.withResolvers()
  return service.open(['127.0.0.1', '*.example.com'])
}

/** Asks from a job's end of the line. */
async function ask({ port }: OpenLine, to: string): Promise<ToJob> {
  const answer = once(port, 'message')
  port.postMessage(wish(to))
  const [message] = (await answer) as [ToJob]
  return message
}

describe('a line to the net', () => {
  test('gives up on a server that says nothing, and hangs up', async () => {
    const line = open()
    const answer = ask(line, url)
    await arrived.promise
    await clock.advance(LIMITS.wasmHttpTime)
    assert.deepEqual(await answer, { kind: 'done', result: HTTP_RESULT.timeout })
    await left.promise
    assert.equal(clock.pending, 0)
    line.close()
  })

  test('hangs up when the run ends', async () => {
    const line = open()
    void ask(line, url).catch(() => undefined)
    await arrived.promise
    line.close()
    await left.promise
  })

  test('has a bounded number of requests under way on a node; the next one waits its turn', async () => {
    const lines = Array.from({ length: LIMITS.wasmHttpAtOnce + 1 }, open)
    const answers = lines.map((line) => ask(line, url))
    const last = answers.pop()
    await arrived.promise
    assert.equal(await Promise.race([last, clock.advance(0).then(() => 'waits')]), 'waits')
    await clock.advance(LIMITS.wasmHttpTime)
    const done = { kind: 'done', result: HTTP_RESULT.timeout }
    assert.deepEqual(
      await Promise.all(answers),
      answers.map(() => done),
    )
    assert.deepEqual(await last, done, 'waiting counts')
    for (const line of lines) line.close()
  })

  test('ends a run that makes too many requests', async () => {
    const line = open()
    for (let made = 0; made < LIMITS.wasmHttpRequests; made++) line.port.postMessage(wish('nowhere'), [])
    let answers = 0
    const end = new Promise<ToJob>((resolve) => {
      line.port.on('message', (message: ToJob) => {
        answers += 1
        if (message.kind === 'end') resolve(message)
      })
    })
    line.port.postMessage(wish('nowhere'), [])
    const message = await end
    assert.match(message.kind === 'end' ? message.ending.message : '', /more than the 10000 requests of a run/)
    assert.equal(answers, LIMITS.wasmHttpRequests + 1)
    line.close()
  })

  test('finds no address for a name that has none', async () => {
    const line = open()
    assert.deepEqual(await ask(line, 'http://a.example.com:8080/'), { kind: 'done', result: HTTP_RESULT.networkError })
    line.close()
  })
})
