import assert from 'node:assert/strict'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SpecConfig } from '@bacalhau/models'
import { temporaryFolder } from '../content/testing/temporary.ts'
import { isBacalhauError } from '../runtime/error.ts'
import type { InputSource } from './source.ts'

/** A source, and specs that it must be able to deal with. */
export interface SourceHarness {
  readonly source: InputSource
  /** Inputs that are there: the bytes of a file, or those of each file in a folder. */
  readonly good: readonly { readonly spec: SpecConfig; readonly holds: string | Readonly<Record<string, string>> }[]
  /** Specs that are wrong in themselves. */
  readonly invalid: readonly SpecConfig[]
  /** A spec that is well-formed, of something that cannot be had; undefined when there is no such thing. */
  readonly missing: SpecConfig | undefined
}

/** What every input source promises; see `source.ts`. */
export function describeSource(name: string, setUp: (context: TestContext) => Promise<SourceHarness>): void {
  const { signal } = new AbortController()

  describe(`${name} as an input source`, () => {
    test('is available and serves types in lower case', async (context) => {
      const { source, good } = await setUp(context)
      assert.equal(await source.available(), true)
      assert.ok(source.types.every((type) => type !== '' && type === type.toLowerCase()))
      assert.ok(good.every(({ spec }) => source.types.includes(spec.Type.toLowerCase())))
    })

    test('accepts good specs, whatever the case of their keys', async (context) => {
      const { source, good } = await setUp(context)
      for (const { spec } of good) {
        for (const same of [
          spec,
          withKeys(spec, (key) => key.toLowerCase()),
          withKeys(spec, (key) => key.toUpperCase()),
        ]) {
          source.validate(same)
          const { bytes, local } = await source.measure(same, signal)
          assert.ok(bytes >= 0 && Number.isSafeInteger(bytes))
          assert.equal(typeof local, 'boolean')
        }
      }
    })

    test('prepares what the spec says', async (context) => {
      const { source, good } = await setUp(context)
      for (const { spec, holds } of good) {
        const input = await source.prepare(spec, await temporaryFolder(context), signal)
        assert.ok(path.isAbsolute(input.hostPath))
        assert.equal((await stat(input.hostPath)).isDirectory(), input.kind === 'folder')
        assert.deepEqual(await contentsOf(input.hostPath), holds)
        await input.release()
        await input.release()
      }
    })

    test('prepares for several executions at the same time, each to be released on its own', async (context) => {
      const { source, good } = await setUp(context)
      for (const { spec, holds } of good) {
        const prepare = async () => source.prepare(spec, await temporaryFolder(context), signal)
        const inputs = await Promise.all([prepare(), prepare(), prepare()])
        for (const [index, { hostPath }] of inputs.entries()) {
          assert.deepEqual(await contentsOf(hostPath), holds, `input ${index} after ${index} releases`)
          await inputs[index]?.release()
        }
      }
    })

    test('names what is wrong with a spec', async (context) => {
      const { source, good, invalid } = await setUp(context)
      const unknown = good.map(({ spec }) => ({ ...spec, Params: { ...spec.Params, Nonsense: 1 } }))
      for (const spec of [...invalid, ...unknown]) {
        assert.throws(
          () => source.validate(spec),
          (error) => isBacalhauError(error) && error.status === 400,
        )
        await assert.rejects(async () => source.prepare(spec, await temporaryFolder(context), signal), isBacalhauError)
      }
      for (const spec of unknown) assert.throws(() => source.validate(spec), /Nonsense/)
    })

    test('says so when the input cannot be had, and leaves nothing behind', async (context) => {
      const { source, missing } = await setUp(context)
      if (missing === undefined) return context.skip('nothing can be missing')
      source.validate(missing)
      const folder = await temporaryFolder(context)
      await assert.rejects(source.prepare(missing, folder, signal), isBacalhauError)
      assert.deepEqual(await readdir(folder), [])
    })

    test('stops when it is told to, and leaves nothing behind', async (context) => {
      const { source, good } = await setUp(context)
      const stopped = AbortSignal.abort(new Error('stopped'))
      for (const { spec } of good) {
        const folder = await temporaryFolder(context)
        await assert.rejects(source.prepare(spec, folder, stopped), /stopped/)
        assert.deepEqual(await readdir(folder), [])
      }
    })
  })
}

function withKeys(spec: SpecConfig, change: (key: string) => string): SpecConfig {
  const entries = Object.entries(spec.Params ?? {}).map(([key, value]) => [change(key), value])
  return { ...spec, Params: Object.fromEntries(entries) }
}

/** A file as text, or the files of a folder by their paths. */
async function contentsOf(hostPath: string): Promise<string | Record<string, string>> {
  if (!(await stat(hostPath)).isDirectory()) return readFile(hostPath, 'utf8')
  const entries = await readdir(hostPath, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  const read = files.map(async (file) => [path.relative(hostPath, file), await readFile(file, 'utf8')] as const)
  return Object.fromEntries(await Promise.all(read))
}
