import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clear, put, remove, type Store } from './store.ts'

/** What every Store must do. `open` gives an empty store; `reopen`, where given, gives the same one after a clean stop. */
export function storeCompliance(
  name: string,
  open: () => Promise<Store>,
  reopen?: (store: Store) => Promise<Store>,
): void {
  const withStore = (body: (store: Store) => Promise<void>) => async () => {
    const store = await open()
    try {
      await body(store)
    } finally {
      await store.stop()
    }
  }

  describe(`${name} is a Store`, () => {
    test(
      'a missing key is undefined',
      withStore(async (store) => {
        assert.equal(await store.get('job', 'nothing'), undefined)
        assert.deepEqual(await store.range('job', { limit: 10 }), [])
      }),
    )

    test(
      'a committed document comes back equal',
      withStore(async (store) => {
        const document = { text: 'ü\u0000\u{1F600}', number: 1e18, list: [1, null, { deep: true }] }
        await store.commit([put('job', 'a', document)])
        assert.deepEqual(await store.get('job', 'a'), document)
      }),
    )

    test(
      'a document that its owner changes later stays as it was committed',
      withStore(async (store) => {
        const document = { state: 'before' }
        const committed = store.commit([put('job', 'a', document)])
        document.state = 'after'
        await committed
        assert.deepEqual(await store.get('job', 'a'), { state: 'before' })
      }),
    )

    test(
      'tables are separate, deletes delete, the last write of a key wins',
      withStore(async (store) => {
        await store.commit([put('job', 'k', 1), put('execution', 'k', 2), put('job', 'k', 3)])
        await store.commit([remove('execution', 'k'), remove('execution', 'never there')])
        assert.equal(await store.get('job', 'k'), 3)
        assert.equal(await store.get('execution', 'k'), undefined)
      }),
    )

    test(
      'a prefix is cleared in its place among the writes of a unit, and nothing else is',
      withStore(async (store) => {
        const keys = ['a', 'a/', 'a/1', 'a/\u{1F600}', 'a0', 'b/1']
        await store.commit(keys.map((key) => put('order', key, 1)))
        await store.commit([put('order', 'a/2', 1), clear('order', 'a/'), put('order', 'a/3', 1), clear('node', '')])
        const left = async () => (await store.range('order', { limit: 10 })).map(({ key }) => key)
        assert.deepEqual(await left(), ['a', 'a/3', 'a0', 'b/1'])
        await store.commit([clear('order', 'nothing')])
        await store.commit([clear('order', '')])
        assert.deepEqual(await left(), [])
      }),
    )

    test(
      'a reader sees all of a unit or nothing, and nothing that is not durable',
      withStore(async (store) => {
        let durable = 0
        const units = Array.from({ length: 10 }, async (_, index) => {
          for (let turn = 0; turn < index; turn++) await new Promise(setImmediate)
          await store.commit([put('job', 'a', index), put('node', 'b', index)])
          durable = Math.max(durable, index)
        })
        const reads = Array.from({ length: 30 }, async (_, index) => {
          for (let turn = 0; turn < index; turn++) await new Promise(setImmediate)
          const [a, b] = await Promise.all([store.get('job', 'a'), store.get('node', 'b')])
          assert.equal(a, b)
          assert.ok(Number(a ?? 0) <= durable, `read ${String(a)} when ${durable} was durable`)
        })
        await Promise.all([...units, ...reads])
      }),
    )

    test(
      'what is no document is refused, and others are not',
      withStore(async (store) => {
        const wrong = store.commit([put('job', 'a', 1), put('job', 'b', undefined)])
        const right = store.commit([put('job', 'c', 1)])
        await assert.rejects(wrong, TypeError)
        await right
        assert.deepEqual(
          (await store.range('job', { limit: 9 })).map(({ key }) => key),
          ['c'],
        )
      }),
    )

    test(
      'nothing of a unit is visible before its commit resolves',
      withStore(async (store) => {
        const committed = store.commit([put('job', 'a', 1)])
        assert.equal(await store.get('job', 'a'), undefined)
        await committed
        assert.equal(await store.get('job', 'a'), 1)
      }),
    )

    test(
      'units take effect in the order of the calls',
      withStore(async (store) => {
        const order: number[] = []
        const units = Array.from({ length: 20 }, (_, index) =>
          store.commit([put('job', 'same', index)]).then(() => order.push(index)),
        )
        await Promise.all(units)
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        )
        assert.equal(await store.get('job', 'same'), 19)
      }),
    )

    test(
      'ranges obey prefix, order, position and limit',
      withStore(async (store) => {
        const keys = ['a', 'a/1', 'a/2', 'a/3', 'b/1', 'ab']
        await store.commit(keys.map((key) => put('history', key, key)))
        const list = async (query: Parameters<Store['range']>[1]) =>
          (await store.range('history', query)).map(({ key }) => key)
        assert.deepEqual(await list({ limit: 10 }), ['a', 'a/1', 'a/2', 'a/3', 'ab', 'b/1'])
        assert.deepEqual(await list({ prefix: 'a/', limit: 10 }), ['a/1', 'a/2', 'a/3'])
        assert.deepEqual(await list({ prefix: 'a/', after: 'a/1', limit: 1 }), ['a/2'])
        assert.deepEqual(await list({ prefix: 'a/', reverse: true, limit: 2 }), ['a/3', 'a/2'])
        assert.deepEqual(await list({ prefix: 'a/', reverse: true, after: 'a/2', limit: 9 }), ['a/1'])
        assert.deepEqual(await list({ prefix: 'zz', limit: 9 }), [])
      }),
    )

    test(
      'ranges agree with a sorted list of code points, whatever the keys',
      withStore(async (store) => {
        const text = fc.string({
          unit: fc.constantFrom('a', 'b', '/', '\u00e9', '\uffff', '\u{1F600}'),
          maxLength: 4,
        })
        const key = text.filter((value) => value !== '')
        const query = fc.record({
          prefix: text,
          after: fc.option(text, { nil: undefined }),
          reverse: fc.boolean(),
          limit: fc.nat({ max: 5 }),
        })
        await fc.assert(
          fc.asyncProperty(
            fc.uniqueArray(key, { minLength: 1, maxLength: 8 }),
            query,
            async (keys, { prefix, after, reverse, limit }) => {
              const old = await store.range('pin', { limit: 100 })
              await store.commit([
                ...old.map(({ key }) => remove('pin', key)),
                ...keys.map((key) => put('pin', key, 0)),
              ])
              const compare = (a: string, b: string) =>
                Buffer.compare(Buffer.from(a), Buffer.from(b)) * (reverse ? -1 : 1)
              const expected = keys
                .filter((key) => key.startsWith(prefix) && (after === undefined || compare(key, after) > 0))
                .sort(compare)
                .slice(0, limit)
              const found = await store.range('pin', {
                prefix,
                reverse,
                limit,
                ...(after === undefined ? {} : { after }),
              })
              assert.deepEqual(
                found.map(({ key }) => key),
                expected,
              )
            },
          ),
          { numRuns: 60 },
        )
      }),
    )

    test('a stop waits for what was committed; then everything is refused; stopping twice is harmless', async () => {
      const store = await open()
      let committed = false
      void store.commit([put('job', 'a', 1)]).then(() => (committed = true))
      await Promise.all([store.stop(), store.stop()])
      await store.stop()
      assert.equal(committed, true)
      const refused = { code: 'ServiceUnavailable' }
      await assert.rejects(store.commit([put('job', 'a', 1)]), refused)
      await assert.rejects(store.get('job', 'a'), refused)
      await assert.rejects(store.range('job', { limit: 1 }), refused)
    })

    test('what was committed is there after a restart', { skip: reopen === undefined }, async () => {
      let store = await open()
      await store.commit([put('job', 'a', 1)])
      await store.stop()
      store = (await reopen?.(store)) ?? store
      assert.equal(await store.get('job', 'a'), 1)
      await store.stop()
    })
  })
}
