import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { canJobBecome, isFinalJobState, JOB_STATES, type JobState } from './job-state.ts'

const states = fc.constantFrom(...JOB_STATES)

describe('job states', () => {
  test('the whole table of steps', () => {
    const steps = JOB_STATES.map((from) => [from, JOB_STATES.filter((to) => canJobBecome(from, to)).join(' ')])
    assert.deepEqual(Object.fromEntries(steps), {
      Undefined: 'Pending',
      Pending: 'Queued Running Completed Failed Stopped',
      Queued: 'Running Failed Stopped',
      Running: 'Queued Completed Failed Stopped',
      Completed: '',
      Failed: '',
      Stopped: '',
    })
  })

  test('Completed, Failed and Stopped are final', () => {
    assert.deepEqual(JOB_STATES.filter(isFinalJobState), ['Completed', 'Failed', 'Stopped'])
  })

  test('every state can be reached, and from every state an end', () => {
    const reach = (from: JobState, seen = new Set<JobState>([from])): Set<JobState> => {
      for (const to of JOB_STATES) if (canJobBecome(from, to) && !seen.has(to)) reach(to, seen.add(to))
      return seen
    }
    assert.deepEqual(reach('Undefined'), new Set(JOB_STATES))
    for (const state of JOB_STATES) assert.ok([...reach(state)].some(isFinalJobState), state)
  })

  test('whatever is asked of a job: it starts once, ends once, and only a running or empty job completes', () => {
    fc.assert(
      fc.property(fc.array(states, { maxLength: 40 }), (wishes) => {
        const walk: JobState[] = ['Undefined']
        for (const wish of wishes) if (canJobBecome(walk.at(-1) ?? 'Undefined', wish)) walk.push(wish)
        const ends = walk.filter(isFinalJobState)
        assert.ok(ends.length <= 1 && (ends.length === 0 || walk.at(-1) === ends[0]), walk.join(' '))
        assert.ok(walk.filter((state) => state === 'Pending').length <= 1, walk.join(' '))
        assert.ok(
          walk.every((state, index) => index === 0 || state !== walk[index - 1]),
          walk.join(' '),
        )
        const completed = walk.indexOf('Completed')
        if (completed > 0) assert.ok(['Pending', 'Running'].includes(walk[completed - 1] ?? ''), walk.join(' '))
      }),
    )
  })
})
