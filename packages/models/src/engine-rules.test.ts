import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { accepted, jobWith, onlyTask, refused } from '../test/samples.ts'
import { parseSubmission } from './submission.ts'

const parse = (Type: string, Params: object | null | undefined, task: object = {}) =>
  parseSubmission(jobWith({ Engine: { Type, Params }, ...task }))
const rejects = (parsed: ReturnType<typeof parse>, ...problems: string[]) => assert.deepEqual(refused(parsed), problems)

describe('a container', () => {
  const at = 'Tasks[0].Engine: invalid docker engine param:'

  test('needs an image', () => {
    for (const Image of [undefined, null, '', ' ']) rejects(parse('docker', { Image }), `${at} 'Image' cannot be empty`)
    rejects(parse('Docker', undefined), `${at} 'Image' cannot be empty`)
    accepted(parse('docker', { Image: 'ubuntu:24.04' }))
  })

  test('begins in a folder that is named from the root', () => {
    for (const WorkingDirectory of ['/work', '', null]) accepted(parse('docker', { Image: 'a', WorkingDirectory }))
    rejects(
      parse('docker', { Image: 'a', WorkingDirectory: 'x' }),
      `${at} 'WorkingDirectory' ("x") must contain absolute path`,
    )
  })

  test('gets no variables in the name of the network', () => {
    const rejected = (entry: string, name = entry) =>
      rejects(
        parse('docker', { Image: 'a', EnvironmentVariables: ['A=BACALHAU_B', entry] }),
        `${at} environment variable '${name}' cannot start with BACALHAU_`,
      )
    rejected('BACALHAU_TEST=1', 'BACALHAU_TEST')
    rejected('Bacalhau_x')
    accepted(parse('docker', { Image: 'a', EnvironmentVariables: ['A=1', 'BACALHAU=2', 5] }))
  })

  test('that reaches listed domains has one', () => {
    const network = (Domains: string[]) => parse('docker', { Image: 'a' }, { Network: { Type: 'HTTP', Domains } })
    accepted(network(['example.com']))
    rejects(
      network([]),
      'Tasks[0].Network: invalid networking configuration, at least one domain is required when HTTP networking is enabled',
    )
  })

  test('is told everything that is wrong at once, in the names of its engine', () => {
    const params = { image: '', workingdirectory: 'x' }
    assert.equal(refused(parse('docker', params)).length, 2)
    const { Engine } = onlyTask(accepted(parse('docker', { image: 'a', ENTRYPOINT: ['x'], Else: 1 })))
    assert.deepEqual(Engine.Params, { Image: 'a', Entrypoint: ['x'], Else: 1 })
  })
})

describe('a WebAssembly program', () => {
  const at = 'Tasks[0].Engine: invalid wasm engine param:'
  const program = (EntryModule: unknown) => parse('wasm', { EntryModule })

  test('needs a module', () => {
    for (const EntryModule of [undefined, null, '', ' '])
      rejects(program(EntryModule), `${at} 'EntryModule' cannot be empty`)
    rejects(parse('WASM', null), `${at} 'EntryModule' cannot be empty`)
  })

  test('may name any place: what lies there is only known where it runs', () => void accepted(program('/a.wasm')))
})

test('of another engine nothing is known', () => {
  accepted(parse('noop', undefined))
  accepted(parse('quantum', { Image: '' }))
})

describe('variables that an older client gives to WebAssembly itself', () => {
  const entry = { EntryModule: { Source: { Type: 'ipfs', Params: { CID: 'QmX' } } } }
  const written = (EnvironmentVariables: unknown, Env: object = {}) =>
    parse('wasm', { ...entry, EntryPoint: 'run', EnvironmentVariables }, { Env })

  test('point 15: become those of the task, by the looser rules of old', () => {
    const { Engine, Env } = onlyTask(accepted(written({ lower: 'case', A: 'engine' }, { A: 'task', B: '2' })))
    assert.deepEqual(Env, { A: 'engine', B: '2', lower: 'case' })
    assert.deepEqual(Engine.Params, { EntryModule: '/wasm/entry.wasm', Entrypoint: 'run' })
    for (const none of [{}, null]) assert.deepEqual(onlyTask(accepted(written(none))).Env, {})
  })

  test('are checked where they were written', () => {
    const place = 'Tasks[0].Engine.Params.EnvironmentVariables'
    rejects(
      written({ BACALHAU_X: '1', 'a=b': '2' }),
      `${place}: environment variable 'BACALHAU_X' cannot start with BACALHAU_`,
      `${place}: 'a=b' is no name of an environment variable`,
    )
    rejects(written({ A: 5 }), `${place}.A: expected text, got a number`)
    rejects(written(['A=1']), `${place}: expected an object, got a list`)
  })
})
