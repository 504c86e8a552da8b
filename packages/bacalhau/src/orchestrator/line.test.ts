import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openJob, START } from './fixtures/jobs.ts'
import { Line, waitsBefore } from './line.ts'

const byWait = (a: ReturnType<typeof openJob>, b: ReturnType<typeof openJob>) => (waitsBefore(a, b) ? -1 : 1)

describe('a line', () => {
  test('holds its jobs in the order in which they began to wait, whatever comes and goes', () => {
    const step = fc.record({ job: fc.nat({ max: 15 }), away: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.array(fc.nat({ max: 3 }), { minLength: 16, maxLength: 16 }),
        (steps, sinces) => {
          const line = new Line(0, 'shape')
          const jobs = sinces.map((since) => openJob({ since: START + since }))
          const model = new Set<(typeof jobs)[number]>()
          for (const { job: index, away } of steps) {
            const job = jobs[index]
            assert.ok(job !== undefined)
            if (away) {
              line.remove(job)
              model.delete(job)
            } else if (job.line === undefined) {
              line.add(job)
              model.add(job)
            }
            const sorted = [...model].toSorted(byWait)
            assert.deepEqual([...line], sorted)
            assert.deepEqual([line.size, line.head, line.at(1)], [sorted.length, sorted[0], sorted[1]])
            assert.equal(job.line, model.has(job) ? line : undefined)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  test('of thousands is served from the front, and keeps little of those that have gone', () => {
    const line = new Line(0, 'shape')
    const jobs = Array.from({ length: 3_000 }, (_, index) => openJob({ since: START + index }))
    for (const job of jobs) line.add(job)
    for (const job of jobs.slice(0, 2_900)) {
      assert.equal(line.head, job)
      line.remove(job)
    }
    assert.deepEqual([...line], jobs.slice(2_900))
    // Of those that have gone there are never more than of those that are there.
    assert.equal(line.at(-101), undefined)
  })

  test('leaves alone a job that stands in another one', () => {
    const [one, other] = [new Line(0, 'a'), new Line(0, 'b')]
    const job = openJob()
    other.add(job)
    one.remove(job)
    assert.deepEqual([other.size, one.size, job.line], [1, 0, other])
  })
})

test('of two that began to wait at once the one that was submitted first has waited longer', () => {
  const [first, second] = [openJob(), openJob()]
  assert.deepEqual([waitsBefore(first, second), waitsBefore(second, first)], [true, false])
  assert.equal(waitsBefore(openJob({ since: START + 1 }), first), false)
})
