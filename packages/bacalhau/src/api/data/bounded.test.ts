import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, test } from 'node:test'
import { LIMITS } from '../../runtime/limits.ts'
import { ask, temporaryApi } from '../testing/api.ts'
import { bounded } from './bounded.ts'

const MIB = 1024 * 1024

async function* chunks(count: number, size: number, taken: { count: number }) {
  for (let index = 0; index < count; index++) {
    taken.count += 1
    yield new Uint8Array(size)
  }
}

async function count(source: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0
  for await (const chunk of source) bytes += chunk.length
  return bytes
}

describe('an upload', () => {
  test('goes through up to its bound, and no further', async () => {
    const bounds = { most: 100, freeDisk: undefined }
    assert.equal(await count(bounded(chunks(10, 10, { count: 0 }), undefined, bounds)), 100)
    const taken = { count: 0 }
    await assert.rejects(count(bounded(chunks(1_000, 10, taken), undefined, bounds)), { code: 'ContentTooLarge' })
    assert.equal(taken.count, 11)
  })

  test('that announces too much is not begun', async () => {
    const taken = { count: 0 }
    const bounds = { most: 100, freeDisk: async () => LIMITS.diskReserve + 50 }
    const source = () => chunks(1, 1, taken)
    await assert.rejects(count(bounded(source(), 101, bounds)), { code: 'ContentTooLarge' })
    await assert.rejects(count(bounded(source(), 51, bounds)), { code: 'DiskFull' })
    assert.equal(taken.count, 0)
    assert.equal(await count(bounded(source(), 50, bounds)), 1)
  })

  test('leaves the reserve of the disk alone', async () => {
    const taken = { count: 0 }
    const bounds = { most: 1e12, freeDisk: async () => LIMITS.diskReserve + 100 * MIB - taken.count * MIB }
    await assert.rejects(count(bounded(chunks(1_000, MIB, taken), undefined, bounds)), { code: 'DiskFull' })
    assert.equal(taken.count, 128)
  })
})

test('a full disk is told as such, and nothing is kept', async (context) => {
  const { url, client } = await temporaryApi(context, { freeDisk: async () => LIMITS.diskReserve - 1 })
  const { status, body } = await ask(`${url}/api/v1/data`, { method: 'PUT', body: 'x' })
  assert.deepEqual([status, (body as { Code: string }).Code], [507, 'DiskFull'])
  assert.deepEqual(await client.data.pins(), [])
})

test('a length beyond all bounds is refused before anything is sent', async (context) => {
  const { port } = await temporaryApi(context)
  const socket = connect(port, '127.0.0.1')
  context.after(() => socket.destroy())
  socket.write(`PUT /api/v1/data HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${2 ** 50}\r\n\r\n`)
  const [answer] = (await new Promise((resolve) =>
    socket.once('data', (chunk: Buffer) => resolve([chunk.toString()])),
  )) as [string]
  assert.match(answer, /^HTTP\/1\.1 413 /)
})
