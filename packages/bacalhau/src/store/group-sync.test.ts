import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { settle } from '../runtime/virtual-clock.ts'
import { createGroupSync } from './group-sync.ts'

/** A disk whose syncs end when the test says so. */
function bench() {
  const syncs: { resolve: () => void; reject: (error: Error) => void }[] = []
  const log: string[] = []
  const groups = createGroupSync(
    () => new Promise((resolve, reject) => syncs.push({ resolve, reject })),
    (cause) => new Error('lost', { cause }),
  )
  const write = (name: string) =>
    groups.wrote({ resolve: () => log.push(name), reject: (error) => log.push(`${name} ${String(error)}`) })
  const read = (name: string) =>
    groups.settled().then(
      () => log.push(name),
      (error) => log.push(`${name} ${String(error)}`),
    )
  return { groups, syncs, log, write, read }
}

describe('the group sync', () => {
  test('acknowledges what was written before the sync began, and nothing that came later', async () => {
    const { syncs, log, write } = bench()
    write('a')
    write('b')
    write('c')
    assert.equal(syncs.length, 1, 'one sync at a time')
    syncs[0]?.resolve()
    await settle()
    assert.deepEqual(log, ['a'])
    assert.equal(syncs.length, 2)
    syncs[1]?.resolve()
    await settle()
    assert.deepEqual(log, ['a', 'b', 'c'])
    assert.equal(syncs.length, 2, 'nothing is synced for nobody')
  })

  test('a reader waits for what it may have seen, and for no more', async () => {
    const { groups, syncs, log, write, read } = bench()
    await groups.settled()
    write('a')
    void read('saw a')
    write('b')
    void read('saw b')
    syncs[0]?.resolve()
    await settle()
    assert.deepEqual(log, ['a', 'saw a'])
    void read('saw b too')
    syncs[1]?.resolve()
    await settle()
    assert.deepEqual(log.slice(2), ['b', 'saw b', 'saw b too'])
  })

  test('a failed sync is final: all that waits and all that comes is rejected', async () => {
    const { groups, syncs, log, write, read } = bench()
    write('a')
    write('b')
    void read('reader')
    syncs[0]?.reject(new Error('EIO'))
    await settle()
    write('c')
    void read('later')
    await settle()
    assert.deepEqual(
      log,
      ['a', 'b', 'reader', 'c', 'later'].map((name) => `${name} Error: lost`),
    )
    assert.throws(() => groups.assertSound(), /lost/)
    assert.equal(syncs.length, 1)
  })

  test('a sync that ends well after something else was lost acknowledges nothing', async () => {
    const { groups, syncs, log, write } = bench()
    write('a')
    groups.fail(new Error('the other file'))
    syncs[0]?.resolve()
    await settle()
    assert.deepEqual(log, ['a Error: lost'])
  })

  test('in whatever order things happen, who is told that it is durable was written before a sync that has ended', async () => {
    const step = fc.constantFrom('write', 'read', 'end', 'fail')
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof({ weight: 9, arbitrary: step }), { maxLength: 40 }), async (steps) => {
        const { groups, syncs } = bench()
        let [written, ended, covered] = [0, 0, 0]
        let failed = false
        const coveredBy: number[] = []
        const answers: Promise<void>[] = []
        const expectDurable = (upTo: number) => () => assert.ok(covered >= upTo, `${upTo} of ${covered}`)
        const expectLost = () => assert.ok(failed)
        for (const step of steps) {
          if (step === 'write') {
            const number = ++written
            const { promise, resolve, reject } = Promise.withResolvers<void>()
            answers.push(promise.then(expectDurable(number), expectLost))
            const before = syncs.length
            groups.wrote({ resolve, reject })
            if (syncs.length > before) coveredBy.push(number)
          } else if (step === 'read') answers.push(groups.settled().then(expectDurable(written), expectLost))
          else if (ended < syncs.length) {
            const before = syncs.length
            if (step === 'end') {
              if (!failed) covered = Math.max(covered, coveredBy[ended] ?? 0)
              syncs[ended++]?.resolve()
            } else {
              failed = true
              syncs[ended++]?.reject(new Error('EIO'))
            }
            await settle()
            if (syncs.length > before) coveredBy.push(written)
          }
        }
        for (; ended < syncs.length; ended++) {
          if (!failed) covered = Math.max(covered, coveredBy[ended] ?? 0)
          syncs[ended]?.resolve()
          const before = syncs.length
          await settle()
          if (syncs.length > before) coveredBy.push(written)
        }
        await Promise.all(answers)
      }),
      { numRuns: 200 },
    )
  })
})
