import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { BacalhauError, isBacalhauError } from '../runtime/error.ts'
import { UNHEARD } from '../sources/arrival.ts'
import type { InputSource } from '../sources/source.ts'
import { tempFolder } from './fixtures/bench.ts'
import { createScriptedSource } from './fixtures/scripted.ts'
import { prepareInputs } from './inputs.ts'

const note = (Text: string) => ({ Source: { Type: 'NOTE', Params: { Text } }, Alias: '', Target: `/in/${Text}` })
const never = () => new AbortController().signal
const failsWith = (code: string) => (error: unknown) => isBacalhauError(error) && error.code === code

async function prepare(t: TestContext, source: InputSource, texts: readonly string[], signal = never()) {
  const capabilities = { executors: [], sources: [source], publishers: [] }
  return prepareInputs(texts.map(note), capabilities, { folder: path.join(await tempFolder(t), 'inputs') }, signal)
}

describe('inputs', () => {
  test('come side by side, each into a folder of its own, in the order of the spec', async (t) => {
    const source = createScriptedSource()
    const inputs = await prepare(t, source, ['a', 'b', 'c'])
    assert.deepEqual(
      inputs.mounts.map(({ guestPath, readOnly }) => [guestPath, readOnly]),
      ['a', 'b', 'c'].map((text) => [`/in/${text}`, true]),
    )
    assert.equal(new Set(inputs.mounts.map(({ hostPath }) => hostPath)).size, 3)
    const [, second] = inputs.mounts
    assert.equal(await readFile(second?.hostPath ?? '', 'utf8'), 'b')
    assert.equal(source.held.size, 3)
    await inputs.release()
    assert.equal(source.held.size, 0)
  })

  test('when one fails the others are ended, what was ready is released, and the first error is told', async (t) => {
    const source = createScriptedSource()
    source.faults.set('slow', { hang: true })
    source.faults.set('bad', { error: new BacalhauError('ContentNotFound', 'nobody has it') })
    await assert.rejects(prepare(t, source, ['ready', 'slow', 'bad', 'also ready']), failsWith('ContentNotFound'))
    assert.equal(source.held.size, 0)
  })

  test('an error of no known kind becomes an input failure', async (t) => {
    const source = createScriptedSource()
    source.faults.set('bad', { error: new Error('boom') })
    await assert.rejects(prepare(t, source, ['bad']), failsWith('InputFailed'))
  })

  test('point 26: when the execution is ended its reason is told, not that of an input', async (t) => {
    const source = createScriptedSource()
    source.faults.set('slow', { hang: true })
    const abort = new AbortController()
    const preparing = prepare(t, source, ['slow'], abort.signal)
    abort.abort(new BacalhauError('ExecutionCancelled', 'no longer wanted'))
    await assert.rejects(preparing, failsWith('ExecutionCancelled'))
  })

  test('one that may be changed is mounted as it lies', async (t) => {
    const source = createScriptedSource()
    const open: InputSource = {
      ...source,
      prepare: async (...parameters) => ({ ...(await source.prepare(...parameters)), writable: true }),
    }
    const { mounts } = await prepare(t, open, ['a'])
    assert.deepEqual(
      mounts.map(({ readOnly, inPlace }) => [readOnly, inPlace]),
      [[false, true]],
    )
  })

  test('one that cannot be released does not keep the others', async (t) => {
    const source = createScriptedSource()
    const stubborn: InputSource = {
      ...source,
      async prepare(spec, folder, signal) {
        const input = await source.prepare(spec, folder, signal)
        return spec.Params?.['Text'] === 'a' ? { ...input, release: () => Promise.reject(new Error('busy')) } : input
      },
    }
    const inputs = await prepare(t, stubborn, ['a', 'b'])
    await inputs.release()
    assert.deepEqual([...source.held], ['a'])
  })

  test('say how far they are, all of them together', async (t) => {
    const source = createScriptedSource()
    const small = Promise.withResolvers<void>()
    const talking: InputSource = {
      ...source,
      async prepare(spec, folder, signal, share, arrival = UNHEARD) {
        const large = spec.Params?.['Text'] === 'large'
        arrival.expect(large ? 3e9 : 1e9)
        if (large) await small.promise
        arrival.came(large ? 2.5e9 : 1e9)
        const input = await source.prepare(spec, folder, signal, share)
        small.resolve()
        return input
      },
    }
    const told: string[] = []
    const capabilities = { executors: [], sources: [talking], publishers: [] }
    const plan = { folder: path.join(await tempFolder(t), 'inputs'), onPreparing: (text: string) => told.push(text) }
    const { bytes } = await prepareInputs(['large', 'small'].map(note), capabilities, plan, never())
    assert.equal(bytes, 4e9)
    assert.deepEqual(told[0], 'fetching inputs, 0 of 2 inputs here')
    assert.ok(told.includes('downloading 1 GB of 4 GB, 0 of 2 inputs here'), told.join('; '))
    assert.ok(told.some((text) => text.startsWith('downloading 3.5 GB of 4 GB')))
    told.length = 0
    await prepareInputs([note('small')], capabilities, { ...plan, folder: `${plan.folder}-2` }, never())
    assert.ok(told.includes('downloading 1 GB of 1 GB'), told.join('; '))
  })

  test('count against the disk that the job has asked for, before they come', async (t) => {
    const source = createScriptedSource()
    const large: InputSource = {
      ...source,
      async prepare(spec, folder, signal, share, arrival = UNHEARD) {
        arrival.expect(600)
        return source.prepare(spec, folder, signal, share)
      },
    }
    const capabilities = { executors: [], sources: [large], publishers: [] }
    const plan = { folder: path.join(await tempFolder(t), 'inputs'), disk: 1_000 }
    const refused = prepareInputs(['a', 'b'].map(note), capabilities, plan, never())
    await assert.rejects(refused, { code: 'DiskFull', message: /have 1.2 kB, and the job has asked for 1 kB of disk/ })
    assert.deepEqual([...source.held], [])
    const { bytes } = await prepareInputs([note('a')], capabilities, { ...plan, folder: `${plan.folder}-2` }, never())
    assert.equal(bytes, 600)
  })

  test('none at all is fine; an unknown kind is named', async (t) => {
    const source = createScriptedSource()
    assert.deepEqual((await prepare(t, source, [])).mounts, [])
    const capabilities = { executors: [], sources: [], publishers: [] }
    await assert.rejects(
      prepareInputs([note('a')], capabilities, { folder: path.join(await tempFolder(t), 'inputs') }, never()),
      /does not support the input source "NOTE", only none/,
    )
  })
})
