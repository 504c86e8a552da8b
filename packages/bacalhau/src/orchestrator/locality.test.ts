import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { SpecConfig, Task } from '@bacalhau/models'
import { sampleJob } from '../link/fixtures/samples.ts'
import { Locality } from './locality.ts'

const reads = (...sources: SpecConfig[]) =>
  sampleJob({ InputSources: sources.map((Source) => ({ Source, Alias: '', Target: '/in' })) })
const runs = (Engine: Task['Engine']) => sampleJob({ Engine })
const cid = (CID: string): SpecConfig => ({ Type: 'ipfs', Params: { CID } })

describe('what a node holds', () => {
  test('is what it has read, by its content', () => {
    const locality = new Locality()
    locality.note(reads(cid('Qm1'), cid('Qm2')), 'a', undefined)
    locality.note(reads(cid('Qm2')), 'b', undefined)
    const holders = (...sources: SpecConfig[]) => [...locality.holders(reads(...sources))].toSorted()
    assert.deepEqual(holders(cid('Qm1')), ['a'])
    assert.deepEqual(holders(cid('Qm2')), ['a', 'b'])
    assert.deepEqual(holders(cid('Qm3')), [])
    assert.deepEqual(holders({ Type: 'inline', Params: { CID: 'Qm1', MediaType: 'text/plain' } }), ['a'])
  })

  test('is what it has made', () => {
    const locality = new Locality()
    locality.note(sampleJob(), 'a', cid('QmResult'))
    locality.note(sampleJob(), 'b', { Type: 'local', Params: { path: '/x' } })
    assert.deepEqual([...locality.holders(reads(cid('QmResult')))], ['a'])
  })

  test('is the image that it ran', () => {
    const locality = new Locality()
    locality.note(runs({ Type: 'docker', Params: { Image: 'ubuntu' } }), 'a', undefined)
    assert.deepEqual([...locality.holders(runs({ Type: 'docker', Params: { Image: 'ubuntu' } }))], ['a'])
    assert.equal(locality.holders(runs({ Type: 'docker', Params: { Image: 'alpine' } })).size, 0)
    assert.equal(locality.holders(runs({ Type: 'noop' })).size, 0)
  })

  test('of sources without a CID is what is called the same', () => {
    const locality = new Locality()
    const bucket = (Key: string): SpecConfig => ({ Type: 'S3', Params: { Bucket: 'b', Key } })
    locality.note(reads(bucket('x'), { Type: 'local', Params: { Path: '/data' } }), 'a', undefined)
    assert.deepEqual([...locality.holders(reads(bucket('x')))], ['a'])
    assert.equal(locality.holders(reads(bucket('y'))).size, 0)
    // A path of one node says nothing about that of another.
    assert.equal(locality.holders(reads({ Type: 'local', Params: { Path: '/data' } })).size, 0)
    assert.equal(locality.holders(reads({ Type: 's3' })).size, 0)
  })

  test('is nothing for a job without a task', () => {
    assert.equal(new Locality().holders({ ...sampleJob(), Tasks: [] }).size, 0)
  })
})

test('of too many things the one that was not used for longest is forgotten, and of nodes a few are kept', () => {
  const locality = new Locality()
  for (let node = 0; node < 20; node++) locality.note(reads(cid('popular')), `n${node}`, undefined)
  locality.note(reads(cid('rare')), 'a', undefined)
  for (let index = 0; index < 9_999; index++) {
    if (index === 5_000) locality.note(reads(cid('popular')), 'n0', undefined)
    locality.note(reads(cid(`other ${index}`)), 'a', undefined)
  }
  assert.equal(locality.holders(reads(cid('popular'))).size, 16)
  assert.equal(locality.holders(reads(cid('rare'))).size, 0)
})
