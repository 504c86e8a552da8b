import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { createFlights, createTracker, createTurnstile, forEachParallel } from './parallel.ts'

const never = new AbortController().signal

describe('forEachParallel', () => {
  test('keeps to its limit and works on everything', async () => {
    let running = 0
    let most = 0
    const done: number[] = []
    await forEachParallel([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      running += 1
      most = Math.max(most, running)
      await turn()
      running -= 1
      done.push(item)
    })
    assert.equal(most, 3)
    assert.deepEqual(new Set(done), new Set([1, 2, 3, 4, 5, 6, 7]))
  })

  test('begins nothing after a failure, and waits for what has begun', async () => {
    const begun: number[] = []
    let finished = false
    const work = async (item: number) => {
      begun.push(item)
      if (item === 1) throw new Error('first')
      await turn()
      finished = true
    }
    await assert.rejects(forEachParallel([1, 2, 3, 4], 2, work), /first/)
    assert.deepEqual(begun, [1, 2])
    assert.ok(finished)
  })
})

describe('turnstile', () => {
  test('lets a few in for each key, the others in order', async () => {
    const turnstile = createTurnstile(1)
    const order: string[] = []
    const leave = await turnstile.enter('a', never)
    await turnstile.enter('b', never)
    const second = turnstile.enter('a', never).then((leave) => [order.push('second'), leave] as const)
    const third = turnstile.enter('a', never).then((leave) => [order.push('third'), leave] as const)
    await turn()
    assert.deepEqual(order, [])
    leave()
    leave() // leaving twice frees one place only
    const [, leaveSecond] = await second
    await turn()
    assert.deepEqual(order, ['second'])
    leaveSecond()
    await third
    assert.deepEqual(order, ['second', 'third'])
  })

  test('who gives up while waiting takes no place', async () => {
    const turnstile = createTurnstile(1)
    const leave = await turnstile.enter('a', never)
    const controller = new AbortController()
    const waiting = turnstile.enter('a', controller.signal)
    controller.abort(new Error('bored'))
    await assert.rejects(waiting, /bored/)
    leave()
    await turnstile.enter('a', never)
  })
})

describe('flights', () => {
  test('do the work of all callers once', async () => {
    const flights = createFlights<number>()
    let runs = 0
    const work = async () => {
      await turn()
      return (runs += 1)
    }
    assert.deepEqual(await Promise.all([flights.join('a', never, work), flights.join('a', never, work)]), [1, 1])
    assert.equal(await flights.join('a', never, work), 2)
  })

  test('go on when one caller leaves, and end when the last has left', async () => {
    const flights = createFlights<void>()
    const [first, second] = [new AbortController(), new AbortController()]
    let ended = false
    const work = (signal: AbortSignal) =>
      new Promise<void>((_, reject) => {
        signal.addEventListener('abort', () => {
          ended = true
          reject(new Error('ended'))
        })
      })
    const joined = [flights.join('a', first.signal, work), flights.join('a', second.signal, work)]
    first.abort(new Error('left'))
    await assert.rejects(joined[0]!, /left/)
    assert.equal(ended, false)
    second.abort(new Error('left too'))
    await assert.rejects(joined[1]!, /left too/)
    assert.equal(ended, true)
  })

  test('tell every caller of a failure, and begin anew after it', async () => {
    const flights = createFlights<string>()
    const fail = () => Promise.reject(new Error('no'))
    const joined = await Promise.allSettled([flights.join('a', never, fail), flights.join('a', never, fail)])
    assert.deepEqual(
      joined.map(({ status }) => status),
      ['rejected', 'rejected'],
    )
    assert.equal(await flights.join('a', never, async () => 'yes'), 'yes')
  })
})

test('a tracker waits for what is under way, failures too', async () => {
  const tracker = createTracker()
  let done = 0
  const slow = async () => {
    await turn()
    done += 1
  }
  void tracker.track(slow())
  await assert.rejects(tracker.track(Promise.reject(new Error('no'))), /no/)
  await tracker.settled()
  assert.equal(done, 1)
})
