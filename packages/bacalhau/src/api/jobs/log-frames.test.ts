import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { LogFrame } from '@bacalhau/models'
import { createFramer, encodeError } from './log-frames.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)

describe('log frames', () => {
  test('are byte for byte those of the documented API', () => {
    const framer = createFramer()
    assert.deepEqual(framer.frames({ stream: 'stdout', bytes: utf8('hello\n') }), [
      '{"value":{"Type":1,"Line":"hello\\n"}}\n',
    ])
    assert.deepEqual(framer.frames({ stream: 'stderr', bytes: utf8('a<b') }), [
      '{"value":{"Type":2,"Line":"a\\u003cb"}}\n',
    ])
    assert.equal(encodeError('gone'), '{"error":"gone","value":{"Type":0,"Line":""}}\n')
  })

  test('keep every character, wherever the chunks are cut and however the streams mix', () => {
    const cuts = fc.array(fc.nat({ max: 7 }), { maxLength: 50 })
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), cuts, (out, err, cuts) => {
        const sent = { stdout: out.toWellFormed(), stderr: err.toWellFormed() }
        const rest = { stdout: utf8(sent.stdout), stderr: utf8(sent.stderr) }
        const framer = createFramer()
        const frames: string[] = []
        const take = (stream: 'stdout' | 'stderr', length: number) => {
          frames.push(...framer.frames({ stream, bytes: rest[stream].subarray(0, length) }))
          rest[stream] = rest[stream].subarray(length)
        }
        for (const [index, cut] of cuts.entries()) take(index % 2 === 0 ? 'stdout' : 'stderr', cut)
        take('stdout', Infinity)
        take('stderr', Infinity)
        frames.push(...framer.end())
        const text = (type: number) =>
          frames
            .map((frame) => (JSON.parse(frame) as LogFrame).value)
            .filter(({ Type }) => Type === type)
            .map(({ Line }) => Line)
            .join('')
        assert.deepEqual([text(1), text(2)], [sent.stdout, sent.stderr])
      }),
    )
  })

  test('show what is no text as such', () => {
    const framer = createFramer()
    assert.deepEqual(framer.frames({ stream: 'stdout', bytes: Uint8Array.of(0xff, 0x61, 0xe2, 0x82) }), [
      '{"value":{"Type":1,"Line":"\uFFFDa"}}\n',
    ])
    assert.deepEqual(framer.end(), ['{"value":{"Type":1,"Line":"\uFFFD"}}\n'])
  })

  test('an empty chunk gives none', () => {
    assert.deepEqual(createFramer().frames({ stream: 'stdout', bytes: new Uint8Array() }), [])
  })
})
