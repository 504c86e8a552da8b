import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { platformOf } from './platform.ts'
import { createEventParser, readEvents, type ServerSentEvent } from './server-sent-events.ts'

const parseAll = (text: string): ServerSentEvent[] => {
  const parse = createEventParser()
  return text.split('\n').flatMap((line) => parse(line) ?? [])
}

describe('server-sent events', () => {
  test('are read by the rules of the standard', () => {
    const text =
      ': hello\nid: 1\nevent: job\ndata: {"a":\ndata: 1}\n\ndata\n\nevent: x\n\nid\ndata:  two\nother: y\n\ndata: cut'
    assert.deepEqual(parseAll(text), [
      { event: 'job', data: '{"a":\n1}', id: '1' },
      { event: 'message', data: '', id: '1' },
      { event: 'message', data: ' two', id: '' },
    ])
    assert.deepEqual(parseAll('id: a\0b\ndata: x\n\n'), [{ event: 'message', data: 'x', id: '' }])
  })

  test('are the same however they are cut', async () => {
    const word = fc.stringMatching(/^[^\n\r\0]{0,12}$/u)
    const events = fc.array(fc.record({ event: word, data: fc.array(word, { minLength: 1, maxLength: 3 }), id: word }))
    const cut = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 })
    await fc.assert(
      fc.asyncProperty(events, cut, fc.constantFrom('\n', '\r\n'), async (events, sizes, newline) => {
        const text = events
          .map(({ event, data, id }) =>
            [`event: ${event}`, `id: ${id}`, ...data.map((line) => `data: ${line}`), '', ''].join(newline),
          )
          .join('')
        const bytes = new TextEncoder().encode(text)
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            for (let at = 0, turn = 0; at < bytes.length; turn++) {
              const size = sizes[turn % sizes.length] ?? 1
              controller.enqueue(bytes.subarray(at, at + size))
              at += size
            }
            controller.close()
          },
        })
        const read = await Array.fromAsync(readEvents(body, 60_000, platformOf()))
        const expected = events.map(({ event, data, id }) => ({
          event: event === '' ? 'message' : event,
          data: data.join('\n'),
          id,
        }))
        assert.deepEqual(read, expected)
      }),
    )
  })

  test('end when nothing comes for too long, or too much at once', async () => {
    const quiet = new ReadableStream<Uint8Array>()
    const platform = platformOf({
      after: (_delay, action) => {
        const turn = setImmediate(action)
        return () => clearImmediate(turn)
      },
    })
    await assert.rejects(Array.fromAsync(readEvents(quiet, 45_000, platform)), { name: 'TimeoutError' })
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024).fill(97)),
    })
    await assert.rejects(Array.fromAsync(readEvents(endless, 60_000, platformOf())), { code: 'BadAnswer' })
  })
})
