import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { temporaryFolder } from '../content/testing/temporary.ts'
import { type InputCache, type Make, openInputCache } from './input-cache.ts'

const { signal } = new AbortController()

/** A cache, and how to put files of so many bytes into it. */
async function bench(context: TestContext, capacity?: number) {
  const folder = path.join(await temporaryFolder(context), 'inputs')
  const cache = await openInputCache(folder, capacity === undefined ? {} : { capacity })
  const made: string[] = []
  const make =
    (key: string, bytes: number): Make =>
    async (target, _signal, onBytes) => {
      made.push(key)
      await writeFile(target, Buffer.alloc(bytes))
      onBytes(bytes)
      return { kind: 'file', bytes }
    }
  const acquire = (key: string, bytes = 10) => cache.acquire(key, make(key, bytes), signal)
  return { cache, folder, made, acquire }
}

const keysIn = async (folder: string) => (await readdir(folder)).map((name) => name.replace(/^\d+-/, '')).toSorted()

describe('inputs that nobody reads', () => {
  test('stay for the next one, as long as they are not too many, the oldest going first', async (context) => {
    const { folder, made, acquire } = await bench(context, 25)
    for (const key of ['a', 'b', 'a', 'c']) await (await acquire(key)).release()
    assert.deepEqual(
      [made, await keysIn(folder)],
      [
        ['a', 'b', 'c'],
        ['a', 'c'],
      ],
    )
  })

  test('go all of them when space is needed, and what is read stays', async (context) => {
    const { cache, folder, made, acquire } = await bench(context)
    const read = await acquire('read')
    await (await acquire('idle')).release()
    await (await acquire('idle too')).release()
    await cache.relieve()
    assert.deepEqual(await keysIn(folder), ['read'])
    assert.deepEqual([cache.bytesOf('idle'), cache.bytesOf('read')], [undefined, 10])
    await read.release()
    await (await acquire('idle')).release()
    assert.deepEqual(made, ['read', 'idle', 'idle too', 'idle'])
  })
})

describe('an input that is being made', () => {
  /** A make that goes on as the test says. */
  function stepwise(cache: InputCache) {
    const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    let tell: (count: number) => void = () => undefined
    const make: Make = async (target, _signal, onBytes) => {
      tell = onBytes
      begun.resolve()
      await ended.promise
      await writeFile(target, 'x')
      return { kind: 'file', bytes: 30 }
    }
    const acquire = (heard: number[]) => cache.acquire('key', make, signal, (count) => heard.push(count))
    return { acquire, begun: begun.promise, end: ended.resolve, tell: (count: number) => tell(count) }
  }

  test('is heard by all who wait for it, also by those who come later', async (context) => {
    const { cache } = await bench(context)
    const { acquire, begun, end, tell } = stepwise(cache)
    const [first, second, last]: [number[], number[], number[]] = [[], [], []]
    const one = acquire(first)
    await begun
    tell(10)
    const other = acquire(second)
    await Promise.resolve()
    tell(15)
    tell(-5)
    end()
    await Promise.all([one, other])
    await acquire(last)
    assert.deepEqual([first, second, last], [[10, 15, -5], [10, 15, -5], [30]])
  })
})
