import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { streamBody } from './stream.ts'

/** A source that counts what is taken of it. */
function counted(total: number, size: number) {
  const state = { taken: 0, ended: false }
  async function* source() {
    try {
      for (; state.taken < total; state.taken += 1) yield new Uint8Array(size)
    } finally {
      state.ended = true
    }
  }
  return { state, source: source() }
}

describe('stream body', () => {
  test('gives every byte', async () => {
    const { source } = counted(10, 1_000)
    const body = await streamBody(source)
    const chunks = (await body.toArray()) as Uint8Array[]
    assert.equal(
      chunks.reduce((sum, chunk) => sum + chunk.length, 0),
      10_000,
    )
  })

  test('of nothing is empty', async () => {
    const { source } = counted(0, 1)
    assert.deepEqual(await (await streamBody(source)).toArray(), [])
  })

  test('takes no more than is read', async () => {
    const { source, state } = counted(1_000, 64 * 1024)
    const body = await streamBody(source)
    body.read()
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(state.taken < 10, `${state.taken} chunks taken`)
    body.destroy()
    await new Promise((resolve) => body.once('close', resolve))
    assert.equal(state.ended, true)
  })

  test('fails before it is one, when the source does', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield* []
      throw new Error('nothing there')
    }
    await assert.rejects(streamBody(failing()), /nothing there/)
  })
})
