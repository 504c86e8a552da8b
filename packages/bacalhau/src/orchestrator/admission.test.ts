import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type JobSpec, jobSchema } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { seededRandom } from '../runtime/random.ts'
import { differences, isSameJob, newJob, specOf, updatedJob } from './admission.ts'
import { START } from './fixtures/jobs.ts'

const specFor = (fields: Partial<JobSpec> = {}): JobSpec => ({ ...specOf(sampleJob()), ...fields })
const admitted = (fields: Partial<JobSpec> = {}) => newJob(specFor(fields), seededRandom(1), 'QmOwner', START * 1e6)

describe('a new job', () => {
  test('is a record that can be stored, in its first version', () => {
    const job = admitted({ Meta: { mine: 'x' } })
    assert.deepEqual(jobSchema.parse(job), job)
    assert.match(job.ID, /^j-[0-9a-f-]{36}$/)
    assert.deepEqual([job.Version, job.Revision, job.State], [1, 1, { StateType: 'Pending' }])
    assert.deepEqual([job.CreateTime, job.ModifyTime], [START * 1e6, START * 1e6])
    assert.deepEqual(job.Meta, { mine: 'x', 'bacalhau.org/orchestrator.id': 'QmOwner' })
  })

  test('bears its id where it has no name, and runs once where it says nothing', () => {
    const job = admitted({ Name: '', Count: undefined })
    assert.deepEqual([job.Name, job.Count], [job.ID, 1])
    assert.deepEqual([admitted({ Name: 'a' }).Name, admitted({ Count: 7 }).Count], ['a', 7])
  })

  test("does not let its owner write what is the server's", () => {
    const job = admitted({ Meta: { 'bacalhau.org/orchestrator.id': 'QmLiar' } })
    assert.equal(job.Meta['bacalhau.org/orchestrator.id'], 'QmOwner')
  })
})

describe('a change of a job', () => {
  const job = admitted({ Meta: { mine: 'x' } })

  test('takes what its owner writes, and keeps the rest', () => {
    const next = updatedJob(
      job,
      specFor({ Priority: 7, Count: undefined, Labels: { a: 'b' }, Type: 'ops', Meta: { new: 'y' } }),
    )
    assert.deepEqual([next.Priority, next.Count, next.Labels], [7, 1, { a: 'b' }])
    assert.deepEqual([next.ID, next.Type, next.Name, next.Version], [job.ID, job.Type, job.Name, 1])
    assert.deepEqual(next.Meta, { new: 'y', 'bacalhau.org/orchestrator.id': 'QmOwner' })
  })

  test('that asks for the same is none, whatever the server adds and however quantities are written', () => {
    assert.equal(isSameJob(job, updatedJob(job, specFor({ Meta: { mine: 'x' } }))), true)
    const [small, large] = ['512mb', '512Mb'].map((Memory) => sampleJob({ Resources: { Memory } }))
    assert.ok(small !== undefined && large !== undefined)
    assert.equal(isSameJob(small, large), true)
    assert.equal(isSameJob(small, { ...small, Revision: 9, Version: 3, State: { StateType: 'Failed' } }), true)
  })

  test("is seen in everything that is its owner's", () => {
    const [task] = job.Tasks
    assert.ok(task !== undefined)
    const changes = [
      { Priority: 1 },
      { Count: 2 },
      { Labels: { a: 'b' } },
      { Meta: { mine: 'other' } },
      { Constraints: [{ Key: 'a', Operator: 'exists' as const }] },
      { Tasks: [{ ...task, Env: { A: '1' } }] },
      { Tasks: [{ ...task, Engine: { Type: 'script', Params: { Program: 'A' } } }] },
    ]
    for (const change of changes) assert.equal(isSameJob(job, { ...job, ...change }), false, JSON.stringify(change))
  })
})

describe('the differences of two versions', () => {
  test('are the fields that differ, with both values', () => {
    const before = sampleJob({ Engine: { Type: 'script', Params: { Lines: ['a', 'b'] } }, Resources: { CPU: '1' } })
    const after = sampleJob(
      { Engine: { Type: 'script', Params: { Lines: ['a', 'c', 'd'] } }, Resources: { CPU: '2' } },
      { Count: 3, Labels: { env: 'test' } },
    )
    const found = differences(before, after).toSorted((a, b) => (a.path < b.path ? -1 : 1))
    assert.deepEqual(found, [
      { path: 'Count', old: 1, new: 3 },
      { path: 'Labels.env', old: undefined, new: 'test' },
      { path: 'Tasks[0].Engine.Params.Lines[1]', old: 'b', new: 'c' },
      { path: 'Tasks[0].Engine.Params.Lines[2]', old: undefined, new: 'd' },
      { path: 'Tasks[0].Resources.CPU', old: '1', new: '2' },
    ])
  })

  test('are none where there are none', () => {
    assert.deepEqual(differences(sampleJob(), sampleJob({}, { Revision: 2 })), [])
  })
})

test('what is submitted again makes the same job', () => {
  const job = admitted({ Labels: { a: 'b' }, Priority: 3 })
  assert.equal(isSameJob(job, updatedJob(job, specOf(job))), true)
  assert.equal('ID' in specOf(job) || 'State' in specOf(job), false)
})
