import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { ask } from './ask.ts'

test('a question is asked again when the connection breaks, and in the end has its answer', async () => {
  let calls = 0
  const server = createServer((socket) => {
    socket.resume()
    calls += 1
    if (calls === 1) socket.destroy()
    // It dies in the middle of its answer.
    else if (calls === 2) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of i')
    else socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nConnection: close\r\n\r\nnone')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(typeof address === 'object' && address !== null)
  const url = `http://127.0.0.1:${address.port}/`
  assert.deepEqual(await ask(url), { status: 404, ok: false, text: 'none' })
  assert.equal(calls, 3)
  server.close()
  await once(server, 'close')
  await assert.rejects(ask(url, 1), /nobody answers http:\/\/127/)
})
