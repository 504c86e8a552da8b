import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleJob, someResources } from '../../../src/link/fixtures/samples.ts'
import { RunLedger } from './run-ledger.ts'

function bench() {
  const broken: string[] = []
  const ledger = new RunLedger(({ invariant }) => broken.push(invariant))
  ledger.setCapacity('QmA', someResources({ CPU: 2, Memory: 8e9 }))
  const begin = (executionId: string, partitionIndex = 0) =>
    ledger.begin('QmA', {
      executionId,
      orchestrator: 'QmO',
      job: sampleJob(),
      partitionIndex,
      resources: someResources(),
    })
  return { broken, ledger, begin }
}

test('as many runs as fit are fine, one more is not', () => {
  const { broken, ledger, begin } = bench()
  begin('e-1')
  begin('e-2', 1)
  ledger.end('QmA', 'e-1')
  begin('e-3', 2)
  assert.deepEqual([broken, ledger.running('QmA')], [[], 2])
  begin('e-4', 3)
  assert.deepEqual(broken, ['no more runs than the capacity allows'])
})

test('an execution that runs already is not begun again, unless its machine has died meanwhile', () => {
  const { broken, ledger, begin } = bench()
  begin('e-1')
  ledger.clear('QmA')
  begin('e-1')
  assert.deepEqual([broken, ledger.running('QmA')], [[], 1])
  begin('e-1')
  assert.deepEqual(broken, ['an execution runs once at a time'])
})

test('the runs of each partition are counted, whatever became of them', () => {
  const { ledger, begin } = bench()
  assert.deepEqual([begin('e-1'), begin('e-2', 1)], [0, 0])
  ledger.end('QmA', 'e-1')
  ledger.end('QmA', 'e-nobody')
  assert.equal(begin('e-3'), 1)
  assert.deepEqual(
    ledger.begun.map(({ executionId, partition }) => `${executionId} ${partition}`),
    ['e-1 0', 'e-2 1', 'e-3 0'],
  )
})
