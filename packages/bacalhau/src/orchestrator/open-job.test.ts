import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Job, Task } from '@bacalhau/models'
import { LIMITS } from '../runtime/limits.ts'
import { openJob, someRun } from './fixtures/jobs.ts'

const EVENT = { topic: 'Submission', message: 'x' } as const
const input = (Type: string, CID = 'Qm1') => ({ Source: { Type, Params: { CID } }, Alias: '', Target: '/in' })
const of = (task: Partial<Task> = {}, job: Partial<Job> = {}) => openJob({ task, job })

describe('an open job', () => {
  test('that asks for nothing gets the documented defaults', () => {
    assert.deepEqual(of().resources, { CPU: 0.5, Memory: 512_000_000, Disk: 0, GPU: 0 })
    assert.deepEqual(of({ Resources: { CPU: '2', GPU: '1' } }).resources, {
      CPU: 2,
      Memory: 512_000_000,
      Disk: 0,
      GPU: 1,
    })
  })

  test('has the shape of those that can run where it can', () => {
    const shape = (task: Partial<Task> = {}, job: Partial<Job> = {}) => of(task, job).shape
    const engine = (Type: string, Params = {}) => ({ Engine: { Type, Params } })
    assert.equal(shape(), shape({ Env: { A: 'b' } }, { Priority: 9, Count: 7 }))
    assert.equal(shape(engine('script')), shape(engine('SCRIPT', { Program: 'x' })))
    assert.equal(
      shape({ InputSources: [input('a'), input('b')] }),
      shape({ InputSources: [input('B', 'Qm2'), input('A'), input('a')] }),
    )
    const others = [
      shape(engine('other')),
      shape({ Publisher: { Type: 'ipfs' } }),
      shape({ InputSources: [input('a')] }),
      shape({ Resources: { CPU: '3' } }),
      shape({}, { Constraints: [{ Key: 'a', Operator: 'exists' }] }),
    ]
    assert.equal(new Set([shape(), ...others]).size, 6)
  })

  test('is kin to those of the same program; a task array only to itself', () => {
    const kin = (Program: string, job: Partial<Job> = {}, CID = 'Qm1') =>
      of({ Engine: { Type: 'script', Params: { Program } }, InputSources: [input('ipfs', CID)] }, job).kin
    assert.equal(kin('x'), kin('x', { Priority: 3 }))
    assert.notEqual(kin('x'), kin('y'))
    assert.notEqual(kin('x'), kin('x', {}, 'Qm2'))
    assert.notEqual(kin('x', { Count: 2 }), kin('x', { Count: 2 }))
  })

  test('says how long a node that has gone may keep its runs', () => {
    const grace = (Timeouts: Task['Timeouts']) => of({ Timeouts }).grace
    assert.deepEqual(
      [grace({}), grace({ DisconnectGrace: 0 }), grace({ DisconnectGrace: 60 })],
      [LIMITS.linkGrace, 0, 60_000],
    )
  })

  test('waits while it has something to place, unless it runs everywhere or is over', () => {
    const job = of({}, { Count: 2 })
    assert.equal(job.waits, true)
    for (const partition of [0, 1]) job.agenda.take(someRun({ partition }))
    assert.equal(job.waits, false)
    assert.equal(of({}, { Type: 'ops' }).waits, false)
    assert.equal(of({}, { State: { StateType: 'Stopped' } }).waits, false)
  })

  test('remembers trouble by partition, or by node where it runs everywhere', () => {
    const run = someRun({ partition: 3, node: 'QmA' })
    assert.deepEqual([of().troubleKey(run), of({}, { Type: 'daemon' }).troubleKey(run)], [3, 'QmA'])
  })

  test('begins anew with a new version', () => {
    const job = of()
    const { shape, agenda } = job
    job.agenda.take(someRun())
    job.refusals.set('QmA', 'no')
    job.troubles.set(0, { failures: 1, losses: 0, avoid: new Set(), previous: 'e-1' })
    job.firstFailure = { code: 'JobFailed', message: 'x' }
    const [task] = job.job.Tasks
    assert.ok(task !== undefined)
    job.ledger.renew({ ...job.job, Tasks: [{ ...task, Resources: { CPU: '2' } }] }, EVENT)
    job.replan()
    assert.deepEqual([job.refusals.size, job.troubles.size, job.firstFailure, job.waits], [0, 0, undefined, true])
    assert.deepEqual([job.resources.CPU, job.shape === shape, job.agenda === agenda], [2, false, false])
  })

  test('that could not be recorded writes nothing', () => {
    const job = of()
    job.ledger.open()
    job.isVoid = true
    assert.deepEqual(job.takeWrites(), [])
    job.isVoid = false
    assert.ok(job.takeWrites().length > 0)
  })
})
