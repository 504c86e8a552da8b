import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMeter, type Metric } from './meter.ts'

/** A metric without what makes it iterable. */
function plain(metric: Metric | undefined): unknown {
  if (metric === undefined) return undefined
  if (metric.kind === 'histogram') return [...metric.distributions]
  return [...metric.samples].map(({ labels = {}, value }) => [labels, value])
}

test('a counter adds up, for each combination of labels', () => {
  const meter = createMeter()
  const counter = meter.counter('jobs_total', 'Jobs.')
  assert.deepEqual(plain(meter.read()[0]), [])
  counter.add(2, { kind: 'a', size: 'b' })
  counter.add(1, { kind: 'a', size: 'b' })
  counter.add(1, { kind: 'a', size: '' })
  assert.deepEqual(plain(meter.read()[0]), [
    [{ kind: 'a', size: 'b' }, 3],
    [{ kind: 'a', size: '' }, 1],
  ])
  const [metric] = meter.read()
  assert.deepEqual([metric?.name, metric?.help, metric?.kind], ['jobs_total', 'Jobs.', 'counter'])
})

test('a histogram counts what is not above each bound', () => {
  const meter = createMeter()
  const histogram = meter.histogram('seconds', 'Time.', [0.1, 1])
  for (const value of [0.05, 0.1, 0.5, 3]) histogram.observe(value, { a: 'b' })
  assert.deepEqual(plain(meter.read()[0]), [{ labels: { a: 'b' }, counts: [2, 3], count: 4, sum: 3.65 }])
})

test('what can be looked up is looked up when somebody asks', () => {
  const meter = createMeter()
  let looks = 0
  meter.gauge('depth', 'Depth.', () => (looks += 1))
  meter.total('seen_total', 'Seen.', () => [{ labels: { by: 'me' }, value: looks }])
  assert.equal(looks, 0)
  assert.deepEqual(meter.read().map(plain), [[[{}, 1]], [[{ by: 'me' }, 1]]])
  assert.deepEqual(
    meter.read().map(({ kind }) => kind),
    ['gauge', 'counter'],
  )
})

test('a name belongs to one metric, and is one', () => {
  const meter = createMeter()
  meter.counter('a_total', '')
  assert.throws(() => meter.gauge('a_total', '', () => 1), /a_total/)
  assert.throws(() => meter.counter('a-b', ''), /a-b/)
  assert.throws(() => meter.counter('', ''), /name/)
})
