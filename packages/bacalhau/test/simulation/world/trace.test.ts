import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Trace } from './trace.ts'

const traceOf = (lines: readonly string[], options?: { keepAll: boolean }) => {
  const trace = new Trace(options)
  lines.forEach((line, index) => trace.note(index, line))
  return trace
}
const many = Array.from({ length: 1_000 }, (_, index) => `line ${index}`)

test('the hash is that of all lines, in their order, with their times', () => {
  assert.equal(traceOf(many).hash, traceOf(many, { keepAll: true }).hash)
  const others = [many.slice(1), many.toReversed(), [...many, ''], many.with(500, 'line 50O'), many.with(0, 'linf 0')]
  const hashes = [many, ...others].map((lines) => traceOf(lines).hash)
  assert.equal(new Set(hashes).size, hashes.length)
})

test('the last lines are kept, or all of them', () => {
  assert.deepEqual(traceOf(many).last(2), ['    998.0  line 998', '    999.0  line 999'])
  assert.equal(traceOf(many).last(50).length, 50)
  assert.equal(traceOf(many, { keepAll: true }).last(5_000).length, 1_000)
})
