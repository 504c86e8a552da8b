import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, Task } from '@bacalhau/models'
import { sampleJob, sampleNode, someResources } from '../link/fixtures/samples.ts'
import { mismatch } from './matching.ts'

const match = (task: Partial<Task>, job: Partial<Job> = {}, resources = someResources()) =>
  mismatch(sampleJob(task, job), resources, sampleNode('QmNode', {}, { region: 'eu' }))
const input = (Type: string) => ({ Source: { Type }, Alias: '', Target: '/in' })

test('a node that offers everything fits, whatever the letter case', () => {
  const task = {
    Engine: { Type: 'SCRIPT' },
    Publisher: { Type: 'Shelf' },
    InputSources: [input('Note')],
  }
  assert.equal(match(task, { Constraints: [{ Key: 'region', Operator: '=', Values: ['eu'] }] }), undefined)
})

test('a job that publishes nothing fits anywhere', () => {
  for (const Type of ['', 'noop', 'Noop']) assert.equal(match({ Publisher: { Type } }), undefined)
})

test('each thing that is missing is named, the engine before all others', () => {
  const docker = { Engine: { Type: 'docker' } }
  assert.deepEqual(match({ ...docker, Publisher: { Type: 's3' } }), {
    code: 'EngineMissing',
    reason: 'does not support the engine "docker", only script',
  })
  assert.deepEqual(match({ Publisher: { Type: 's3' } }), {
    code: 'NoNodes',
    reason: 'does not support the publisher "s3", only shelf',
  })
  assert.deepEqual(match({ InputSources: [input('note'), input('s3')] }), {
    code: 'NoNodes',
    reason: 'does not support the input source "s3", only note',
  })
  assert.deepEqual(match({}, { Constraints: [{ Key: 'region', Operator: 'in', Values: ['us', 'as'] }] }), {
    code: 'NoNodes',
    reason: 'does not match the constraint region in (us, as)',
  })
  assert.deepEqual(match({}, {}, someResources({ GPU: 1 })), {
    code: 'NotEnoughResources',
    reason: 'is too small for 1 GPUs (0 available)',
  })
})

test('a node that offers nothing says so', () => {
  const node = sampleNode('QmNode', { ExecutionEngines: [] })
  assert.match(mismatch(sampleJob(), someResources(), node)?.reason ?? '', /only none/)
})

test('what else runs on the node does not matter', () => {
  const node = sampleNode('QmNode', { AvailableCapacity: someResources({ CPU: 0, Memory: 0 }), RunningExecutions: 9 })
  assert.equal(mismatch(sampleJob(), someResources({ CPU: 4, Memory: 8e9 }), node), undefined)
})
