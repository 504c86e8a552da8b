import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryStreamPair } from '../network/fixtures/memory-stream.ts'
import { frames } from '../network/frames.ts'
import { BacalhauError } from '../runtime/error.ts'
import { answerStorage, askOverStream, type StorageDesk, type StorageRequest } from './storage-protocol.ts'

const PUT: StorageRequest = { want: 'put', jobId: 'j-1', executionId: 'e-1', bytes: 10 }
const never = () => new AbortController().signal

async function ask(desk: StorageDesk, request = PUT, signal = never()) {
  const [near, far] = memoryStreamPair('QmNode', 'QmOrchestrator')
  const served = answerStorage(far, desk).catch(() => undefined)
  try {
    return await askOverStream(near, request, signal)
  } finally {
    await served
  }
}

describe('a URL into the storage of an orchestrator', () => {
  test('is granted for what was asked, by whom the connection has proven', async () => {
    const seen: unknown[] = []
    const desk: StorageDesk = async (peer, request) => {
      seen.push([peer, request])
      return { url: 'https://storage.example/x', headers: { 'content-length': '10' } }
    }
    assert.deepEqual(await ask(desk), { url: 'https://storage.example/x', headers: { 'content-length': '10' } })
    const get: StorageRequest = { want: 'get', jobId: 'j', executionId: 'e', of: { jobId: 'k', executionId: 'f' } }
    await ask(desk, get)
    assert.deepEqual(seen, [
      ['QmNode', PUT],
      ['QmNode', get],
    ])
  })

  test('is refused in the words of the orchestrator', async () => {
    const refused = ask(() => Promise.reject(new BacalhauError('Forbidden', 'not yours')))
    await assert.rejects(refused, { code: 'Forbidden', message: 'not yours' })
  })

  test('an error that is nobody else’s business stays at home', async () => {
    const refused = ask(() => Promise.reject(new Error('/etc/secret')))
    await assert.rejects(refused, { code: 'Forbidden', message: 'the request cannot be granted' })
  })

  test('is not asked of the desk for what is no request', async () => {
    let asked = false
    const desk: StorageDesk = async () => {
      asked = true
      return { url: 'https://x', headers: {} }
    }
    for (const text of ['', 'x', '{}', '{"want":"put","jobId":"j","executionId":"e","bytes":-1}', '{"want":"all"}']) {
      const [near, far] = memoryStreamPair()
      const served = answerStorage(far, desk)
      await frames(near).send(Buffer.from(text))
      const { value: answer } = await frames(near).receive().next()
      assert.equal(answer?.[0], 0, text)
      await served
    }
    assert.equal(asked, false)
  })

  test('an answer that is none is not taken for one', async () => {
    for (const answer of [
      Buffer.of(),
      Buffer.of(2),
      Buffer.from('\u0001{}'),
      Buffer.from('\u0001{"url":"no","headers":{}}'),
    ]) {
      const [near, far] = memoryStreamPair('QmNode', 'QmOrchestrator')
      const asking = askOverStream(near, PUT, never())
      await frames(far).send(answer)
      await assert.rejects(asking, { code: 'PeerUnreachable' })
    }
    const [near, far] = memoryStreamPair('QmNode', 'QmOrchestrator')
    const asking = askOverStream(near, PUT, never())
    await far.close()
    await assert.rejects(asking, { code: 'PeerUnreachable' })
  })

  test('is not waited for when nobody wants it any more', async () => {
    const [near] = memoryStreamPair()
    const abort = new AbortController()
    const asking = askOverStream(near, PUT, abort.signal)
    abort.abort(new Error('cancelled'))
    await assert.rejects(asking, /cancelled/)
  })
})
