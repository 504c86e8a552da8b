import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LIMITS } from '../runtime/limits.ts'
import { createDiskRoom } from './disk-room.ts'

test('inputs do not count on the same free bytes', async () => {
  const room = createDiskRoom(async () => LIMITS.diskReserve + 100)
  const release = await room.reserve(60)
  await assert.rejects(room.reserve(41), { code: 'DiskFull' })
  const second = await room.reserve(40)
  release()
  release()
  await assert.rejects(room.reserve(61), { code: 'DiskFull' })
  second()
  const all = await room.reserve(100)
  all()
})

test('of inputs that come at the same time and do not fit together, one gets its space', async () => {
  const room = createDiskRoom(async () => LIMITS.diskReserve + 100)
  const results = await Promise.allSettled([room.reserve(50), room.reserve(60)])
  const given = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  assert.equal(given.length, 1)
  for (const release of given) release()
  const all = await room.reserve(100)
  all()
})

test('some space stays free', async () => {
  await assert.rejects(createDiskRoom(async () => LIMITS.diskReserve - 1).reserve(0), { code: 'DiskFull' })
})

test('where nobody can tell what is free, nothing is refused', async () => {
  const release = await createDiskRoom(() => Promise.reject(new Error('no such call'))).reserve(2 ** 40)
  release()
})

test('what can be done without goes first', async () => {
  let free = LIMITS.diskReserve + 10
  let relieved = 0
  const room = createDiskRoom(
    async () => free,
    async () => {
      relieved += 1
      free += 50
    },
  )
  const small = await room.reserve(10)
  assert.equal(relieved, 0, 'nothing is removed while there is room')
  small()
  const large = await room.reserve(60)
  assert.equal(relieved, 1)
  large()
  free = LIMITS.diskReserve
  await assert.rejects(room.reserve(51), { code: 'DiskFull', message: /an input of 51 B .* room for 50 B/ })
})
