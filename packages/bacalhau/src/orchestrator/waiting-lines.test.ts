import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openJob, someRun, START } from './fixtures/jobs.ts'
import { Line } from './line.ts'
import type { OpenJob } from './open-job.ts'
import { servedBefore, WaitingLines } from './waiting-lines.ts'

const EVENT = { topic: 'Submission', message: 'x' } as const
const jobOf = (Priority: number, Type: string, since = START) =>
  openJob({ task: { Engine: { Type } }, job: { Priority }, since })

/** All partitions placed: it waits no more. */
const place = (job: OpenJob) => job.agenda.take(someRun())
const giveBack = (job: OpenJob) => job.agenda.giveBack(someRun())

describe('the waiting lines', () => {
  test('hold just the jobs that wait, each in the line of its priority and shape', () => {
    const step = fc.record({ job: fc.nat({ max: 11 }), move: fc.constantFrom('place', 'give back', 'end', 'raise') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const lines = new WaitingLines()
        const jobs = Array.from({ length: 12 }, (_, index) =>
          jobOf(index % 2, index % 3 === 0 ? 'a' : 'b', START + (index % 4)),
        )
        for (const job of jobs) lines.update(job)
        for (const { job: index, move } of steps) {
          const job = jobs[index]
          assert.ok(job !== undefined)
          if (move === 'place') place(job)
          else if (move === 'give back') giveBack(job)
          else if (move === 'end' && !job.ledger.isOver) job.ledger.setJobState('Stopped', '')
          else if (move === 'raise') {
            lines.leave(job)
            job.ledger.renew({ ...job.job, Priority: job.job.Priority + 1 }, EVENT)
            job.replan()
          }
          lines.update(job)
          check(lines, jobs)
        }
      }),
      { numRuns: 100 },
    )
  })

  function check(lines: WaitingLines, jobs: readonly OpenJob[]): void {
    const waiting = jobs.filter(({ waits }) => waits)
    const found = [...lines.lines()].flatMap((line) => {
      assert.ok(line.size > 0)
      const members = [...line]
      assert.ok(members.every((job) => job.shape === line.shape && job.job.Priority === line.priority))
      return members
    })
    assert.deepEqual(new Set(found), new Set(waiting))
    assert.deepEqual([lines.size, found.length], [waiting.length, waiting.length])
    assert.equal(lines.count, new Set(waiting.map(({ shape, job }) => `${job.Priority} ${shape}`)).size)
  }

  test('take no job that runs everywhere', () => {
    const lines = new WaitingLines()
    lines.update(openJob({ job: { Type: 'daemon' } }))
    assert.equal(lines.size, 0)
  })
})

test('lines are served by priority, then by how long their first job has waited', () => {
  const lineOf = (priority: number, since?: number): Line => {
    const line = new Line(priority, 'shape')
    if (since !== undefined) line.add(openJob({ since }))
    return line
  }
  assert.equal(servedBefore(lineOf(1, START + 9), lineOf(0, START)), true)
  assert.equal(servedBefore(lineOf(0, START), lineOf(1, START + 9)), false)
  assert.equal(servedBefore(lineOf(1, START), lineOf(1, START + 1)), true)
  assert.equal(servedBefore(lineOf(1, START + 1), lineOf(1, START)), false)
  assert.deepEqual(
    [servedBefore(lineOf(1), lineOf(1, START)), servedBefore(lineOf(1, START), lineOf(1))],
    [false, true],
  )
})
