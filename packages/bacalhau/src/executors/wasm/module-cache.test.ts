import assert from 'node:assert/strict'
import { test } from 'node:test'
import { program } from './fixtures/module-builder.ts'
import { createModuleCache } from './module-cache.ts'

const module = () => new WebAssembly.Module(program([]))

test('what was put in is found again', () => {
  const cache = createModuleCache(100)
  const one = module()
  cache.put('one', one, 10)
  assert.equal(cache.get('one'), one)
  assert.equal(cache.get('two'), undefined)
  cache.clear()
  assert.equal(cache.get('one'), undefined)
})

test('the least recently used goes first', () => {
  const cache = createModuleCache(100)
  for (const key of ['a', 'b', 'c']) cache.put(key, module(), 33)
  cache.get('a')
  cache.put('d', module(), 33)
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((key) => cache.get(key) !== undefined),
    [true, false, true, true],
  )
})

test('one that is too large is not kept, and pushes nothing out', () => {
  const cache = createModuleCache(100)
  cache.put('small', module(), 50)
  cache.put('large', module(), 101)
  assert.notEqual(cache.get('small'), undefined)
  assert.equal(cache.get('large'), undefined)
})

test('one that is put in twice counts once', () => {
  const cache = createModuleCache(100)
  for (let count = 0; count < 5; count++) cache.put('a', module(), 60)
  cache.put('b', module(), 40)
  assert.notEqual(cache.get('a'), undefined)
})
