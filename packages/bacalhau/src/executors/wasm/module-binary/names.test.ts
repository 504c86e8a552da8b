import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { buildModule } from '../fixtures/module-builder.ts'
import { ModuleError } from './module-error.ts'
import { withNames } from './names.ts'

const bare = buildModule({
  imports: [{ module: 'env', name: 'log', type: [['i32'], []] }],
  functions: [{ code: [] }, { code: [], exportAs: '_start' }],
})

/** What V8 reads of the section, without its name. */
const sectionOf = (bytes: Uint8Array) =>
  WebAssembly.Module.customSections(new WebAssembly.Module(Buffer.from(bytes)), 'name').map((section) =>
    Buffer.from(section),
  )

describe('names of a module', () => {
  test('a module without them gets those of its imports and exports', () => {
    const [section] = sectionOf(withNames(bare))
    const moduleName = [0, 7, 6, ...Buffer.from('module')]
    const functions = [1, 14, 2, 0, 3, ...Buffer.from('log'), 2, 6, ...Buffer.from('_start')]
    assert.deepEqual(section, Buffer.from([...moduleName, ...functions]))
  })

  test('all else stays as it was', () => {
    const named = withNames(bare)
    assert.deepEqual(Buffer.from(named.subarray(0, bare.length)), Buffer.from(bare))
    assert.deepEqual(WebAssembly.Module.exports(new WebAssembly.Module(Buffer.from(named))), [
      { name: '_start', kind: 'function' },
    ])
  })

  test('a module that has them is left alone', () => {
    const named = withNames(bare)
    assert.equal(withNames(named), named)
  })

  test('modules of a compiler can be used with them', async () => {
    const program = await readFile(new URL('../fixtures/program.wasm', import.meta.url))
    const named = withNames(program)
    assert.equal(sectionOf(named).length, 1)
    assert.equal(WebAssembly.validate(Buffer.from(named)), true)
  })

  test('what is no module is refused', () => {
    assert.throws(() => withNames(Buffer.from('hello')), ModuleError)
    assert.throws(() => withNames(bare.subarray(0, -2)), ModuleError)
  })
})
