import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createMeter } from '../../runtime/meter.ts'
import { expose } from './exposition.ts'

test('the text format, as Prometheus documents it', () => {
  const meter = createMeter()
  const requests = meter.counter('http_requests_total', 'Requests\nby \\route.')
  requests.add(3, { route: '/a"b\\c\nd', status: '200' })
  meter.gauge('depth', 'Depth.', () => -1.5)
  const seconds = meter.histogram('seconds', 'Time.', [0.1, 1])
  for (const value of [0.05, 0.5, 7]) seconds.observe(value, { route: '/' })
  assert.equal(
    expose(meter.read()),
    [
      '# HELP http_requests_total Requests\\nby \\\\route.',
      '# TYPE http_requests_total counter',
      'http_requests_total{route="/a\\"b\\\\c\\nd",status="200"} 3',
      '# HELP depth Depth.',
      '# TYPE depth gauge',
      'depth -1.5',
      '# HELP seconds Time.',
      '# TYPE seconds histogram',
      'seconds_bucket{route="/",le="0.1"} 1',
      'seconds_bucket{route="/",le="1"} 2',
      'seconds_bucket{route="/",le="+Inf"} 3',
      'seconds_sum{route="/"} 7.55',
      'seconds_count{route="/"} 3',
      '',
    ].join('\n'),
  )
})

test('numbers that are none have names of their own', () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21]
  const samples = values.map((value) => ({ value }))
  const text = expose([{ name: 'x', help: '', kind: 'gauge', samples }])
  assert.deepEqual(text.split('\n').slice(2, -1), ['x NaN', 'x +Inf', 'x -Inf', 'x 1e+21'])
})

test('no label breaks out of its line', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const exposed = expose([{ name: 'x', help: text, kind: 'gauge', samples: [{ labels: { a: text }, value: 1 }] }])
      const lines = exposed.split('\n')
      assert.equal(lines.length, 4)
      const quoted = /^x\{a="((?:[^"\\\n]|\\[\\"n])*)"\} 1$/.exec(lines[2] ?? '')?.[1]
      assert.ok(quoted !== undefined)
      const back = quoted.replaceAll(/\\(.)/g, (_all, found: string) => (found === 'n' ? '\n' : found))
      assert.equal(back, text)
    }),
  )
})
