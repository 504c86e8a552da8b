import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBacalhauError } from '../../runtime/error.ts'
import { parseWasmParams } from './params.ts'

const message = (params: Record<string, unknown>) => {
  try {
    parseWasmParams(params)
  } catch (error) {
    assert.ok(isBacalhauError(error) && error.code === 'ValidationError')
    return error.message
  }
  return 'fine'
}

test('point 15: only the module has to be named', () => {
  assert.deepEqual(parseWasmParams({ EntryModule: '/a.wasm' }), {
    EntryModule: '/a.wasm',
    Entrypoint: '_start',
    Parameters: [],
    ImportModules: [],
  })
})

test('everything is taken over', () => {
  const params = { EntryModule: '/a', Entrypoint: 'go', Parameters: ['', 'ü'], ImportModules: ['/b', '/c'] }
  assert.deepEqual(parseWasmParams(params), params)
})

test('what is wrong is named', () => {
  assert.equal(message({}), 'Engine.Params: EntryModule is missing')
  assert.match(message({ EntryModule: 'a.wasm' }), /EntryModule must be an absolute path in the job/)
  assert.match(message({ EntryModule: 7 }), /EntryModule must be text$/)
  assert.match(message({ EntryModule: '/a', Entrypoint: '' }), /Entrypoint must not be empty/)
  assert.match(message({ EntryModule: '/a', Parameters: 'x' }), /Parameters must be a list of texts$/)
  assert.match(message({ EntryModule: '/a', Parameters: ['a\0b'] }), /Parameters\.0 contains a NUL character$/)
  assert.match(message({ EntryModule: '/a\0' }), /EntryModule contains a NUL character/)
  assert.match(message({ EntryModule: '/a', ImportModules: ['b'] }), /ImportModules\.0 must be an absolute path/)
  assert.equal(
    message({ EntryModule: '/a', EntryPoint: 'x' }),
    'Engine.Params: unknown field EntryPoint (known: EntryModule, Entrypoint, Parameters, ImportModules)',
  )
})

test('all that is wrong is named at once', () => {
  assert.match(
    message({ Entrypoint: '', Extra: 1 }),
    /EntryModule is missing; .*Entrypoint must not be empty; unknown field Extra/,
  )
})
