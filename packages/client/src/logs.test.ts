import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createClient } from './client.ts'

/** The part of a WebSocket that a reader uses, played by a test. */
class PlayedSocket extends EventTarget {
  closed = false
  say(text: string) {
    this.dispatchEvent(new MessageEvent('message', { data: text }))
  }
  end(code: number) {
    this.dispatchEvent(Object.assign(new Event('close'), { code }))
  }
  close() {
    this.closed = true
  }
}

function played(answer = () => new Response('{}')) {
  const socket = new PlayedSocket()
  const opened: { url: string; headers: object }[] = []
  const client = createClient({
    baseUrl: 'https://node:99',
    token: 'secret',
    fetch: async () => answer(),
    openSocket: (url, headers) => {
      opened.push({ url, headers })
      return socket as unknown as WebSocket
    },
  })
  return { socket, opened, client }
}

describe('logs', () => {
  test('are asked for at the same server, with the token', async () => {
    const { socket, opened, client } = played()
    const all = Array.fromAsync(client.jobs.logs('a/b', { follow: true, namespace: 'n' }))
    socket.end(1000)
    assert.deepEqual(await all, [])
    assert.deepEqual(opened, [
      {
        url: 'wss://node:99/api/v1/orchestrator/jobs/a%2Fb/logs?follow=true&namespace=n',
        headers: { authorization: 'Bearer secret' },
      },
    ])
    assert.equal(socket.closed, true)
  })

  test('come in order, however fast', async () => {
    const { socket, client } = played()
    const all = Array.fromAsync(client.jobs.logs('j'))
    for (let index = 0; index < 1_000; index++) socket.say(`{"value":{"Type":${(index % 2) + 1},"Line":"${index}"}}\n`)
    socket.end(1000)
    const parts = await all
    assert.deepEqual(
      parts.map(({ text }) => Number(text)),
      [...parts.keys()],
    )
    assert.equal(parts.length, 1_000)
    assert.deepEqual(
      parts.slice(0, 2).map(({ stream }) => stream),
      ['stdout', 'stderr'],
    )
  })

  test('that are none are an error', async () => {
    for (const text of ['nonsense', '[]', '{"value":null}']) {
      const { socket, client } = played()
      const all = Array.fromAsync(client.jobs.logs('j'))
      socket.say(text)
      await assert.rejects(all, { code: 'LogsFailed' }, text)
      assert.equal(socket.closed, true)
    }
  })

  test('that break off are an error, with the reason if there is one', async () => {
    const refused = played(
      () => new Response('{"Message":"Request Unauthorized","Code":"Unauthorized"}', { status: 401 }),
    )
    const first = Array.fromAsync(refused.client.jobs.logs('j'))
    refused.socket.end(1006)
    await assert.rejects(first, { status: 401, code: 'Unauthorized' })

    const broken = played()
    const second = Array.fromAsync(broken.client.jobs.logs('j'))
    broken.socket.end(1011)
    await assert.rejects(second, { code: 'LogsFailed', message: /broke off \(code 1011\)/ })
  })

  test('are not opened before they are read', () => {
    const { opened, client } = played()
    client.jobs.logs('j')
    assert.equal(opened.length, 0)
  })
})
