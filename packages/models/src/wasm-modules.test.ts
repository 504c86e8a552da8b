import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { accepted, jobWith, onlyTask, refused } from '../test/samples.ts'
import { parseSubmission } from './submission.ts'

const inline = { Type: 'inline', Params: { URL: 'data:application/wasm;base64,AGFzbQEAAAA=' } }
const parse = (Params: object, task: object = {}) =>
  parseSubmission(jobWith({ Engine: { Type: 'Wasm', Params }, ...task }))
const taskOf = (params: object, task: object = {}) => onlyTask(accepted(parse(params, task)))

describe('modules given by their source', () => {
  test('become inputs, and the engine gets their paths', () => {
    const data = { Source: { Type: 'ipfs', Params: { CID: 'QmData' } }, Alias: '', Target: '/inputs' }
    const params = {
      EntryModule: { Source: inline, Alias: '', Target: '' },
      EntryPoint: '_start',
      ImportModules: [{ Source: inline }, '/inputs/second.wasm', { source: inline, target: '/lib/third.wasm' }],
      Parameters: ['a', null],
    }
    const { Engine, InputSources } = taskOf(params, { InputSources: [data] })
    assert.deepEqual(Engine, {
      Type: 'Wasm',
      Params: {
        EntryModule: '/wasm/entry.wasm',
        Entrypoint: '_start',
        ImportModules: ['/wasm/imports/module_0.wasm', '/inputs/second.wasm', '/lib/third.wasm'],
        Parameters: ['a', null],
      },
    })
    const module = (Target: string) => ({ Source: inline, Alias: '', Target })
    assert.deepEqual(InputSources, [
      data,
      module('/wasm/entry.wasm'),
      module('/wasm/imports/module_0.wasm'),
      module('/lib/third.wasm'),
    ])
  })

  test('are found in any letter case', () => {
    const { Engine } = taskOf({ entrymodule: { source: inline } })
    assert.deepEqual(Engine.Params, { EntryModule: '/wasm/entry.wasm' })
  })

  test('are checked, and what is wrong is told at its place', () => {
    const at = 'Tasks[0].Engine.Params'
    assert.deepEqual(refused(parse({ EntryModule: {}, ImportModules: [{ Source: inline, Tagret: '/a' }, []] })), [
      `${at}.EntryModule.Source: missing`,
      `${at}.ImportModules[0]: unknown field 'Tagret' (did you mean 'Target'?)`,
      `${at}.ImportModules[1]: expected an object, got a list`,
    ])
    const twice = { EntryModule: { Source: inline, Target: '/a' }, ImportModules: [{ Source: inline, Target: '/a' }] }
    assert.deepEqual(refused(parse(twice)), ["Tasks[0].InputSources[1]: input source with target '/a' already exists"])
  })
})

test('all else is left to the engine', () => {
  const input = { Source: inline, Alias: '', Target: '/a.wasm' }
  for (const params of [
    { EntryModule: '/a.wasm' },
    { EntryModule: '/a.wasm', ImportModules: null },
    { EntryModule: '/a.wasm', ImportModules: 'x', Unknown: 1 },
  ]) {
    const { Engine, InputSources } = taskOf(params, { InputSources: [input] })
    assert.deepEqual([Engine.Params, InputSources], [params, [input]])
  }
  const docker = { Type: 'docker', Params: { Image: 'x', EntryModule: { Source: 5 } } }
  assert.deepEqual(onlyTask(accepted(parseSubmission(jobWith({ Engine: docker })))).Engine, docker)
})
