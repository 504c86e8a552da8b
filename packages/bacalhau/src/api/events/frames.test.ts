import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Change } from '../../orchestrator/service.ts'
import { bytesOf } from './frames.ts'

const reset = (cursor: string): Change => ({ kind: 'reset', cursor })

describe('frames', () => {
  const [a, b, c] = [reset('a'), reset('b'), reset('c')]
  const text = (...names: string[]) => names.map((name) => `id: ${name}\nevent: reset\ndata: {}\n\n`).join('')

  test('are the same bytes for all who are told the same', () => {
    const bytes = bytesOf([a, b, c])
    assert.equal(bytes.toString(), text('a', 'b', 'c'))
    assert.equal(bytesOf([a, b, c]), bytes)
  })

  test('are others for who is told less, or the like', () => {
    bytesOf([a, b, c])
    assert.equal(bytesOf([b, c]).toString(), text('b', 'c'))
    assert.equal(bytesOf([b, a, c]).toString(), text('b', 'a', 'c'))
    assert.notEqual(bytesOf([reset('c')]), bytesOf([c]))
    assert.equal(bytesOf([]).toString(), '')
  })
})
