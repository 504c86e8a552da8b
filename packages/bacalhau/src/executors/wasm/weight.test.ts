import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { getPriority } from 'node:os'
import { describe, test } from 'node:test'
import { createVirtualClock } from '../../runtime/virtual-clock.ts'
import { createArena, verdict } from './fixtures/harness.ts'
import { forever, program } from './fixtures/module-builder.ts'
import { NICE, NO_THREAD, niceOf, weigh } from './weight.ts'

test('point 14: the fewer cores a job asks for, the less it gets where they are scarce', () => {
  assert.deepEqual([4, 1, 0.8, 0.5, 0.1, 0.01, 0].map(niceOf), [NICE, NICE, NICE + 1, NICE + 3, NICE + 10, 19, 19])
})

test('what ends soon, and whose thread is not known, is not weighed', async () => {
  const clock = createVirtualClock()
  const asked: string[] = []
  const thread = (name: string, id: number) => () => {
    asked.push(name)
    return id
  }
  const short = weigh(clock, thread('short', 1), 0.1)
  assert.equal(short.release(), true)
  const long = [weigh(clock, thread('whole', 1), 1), weigh(clock, thread('none', NO_THREAD), 0.1)]
  await clock.advance(1_000)
  assert.deepEqual([asked, long.map((weight) => weight.release()), clock.pending], [['none'], [true, true], 0])
  const slow = weigh(clock, thread('not yet', 0), 0.1)
  await clock.advance(250)
  assert.deepEqual([asked.slice(1), slow.release(), clock.pending], [['not yet', 'not yet'], true, 0])
})

describe('a module that computes without end', { skip: process.platform !== 'linux' && 'only on Linux' }, () => {
  const arena = createArena()

  test('point 14: has the weight of its share, and the next one in its place does not', async () => {
    const wanted = niceOf(0.1)
    const end = new AbortController()
    const running = arena.run(program(forever([])), { limits: { cpu: 0.1 }, signal: end.signal })
    while (!threads().includes(wanted)) await new Promise((resolve) => setTimeout(resolve, 20))
    end.abort()
    assert.match(verdict(await running), /^ExecutionCancelled/)
    assert.equal(verdict(await arena.run(program([]))), 'exit 0')
    assert.ok(!threads().includes(wanted))
  })
})

/** How nice each thread of this process is. */
const threads = (): number[] => readdirSync('/proc/self/task').map((thread) => getPriority(Number(thread)))
