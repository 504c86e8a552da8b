import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMeter } from '../../runtime/meter.ts'
import { ask, temporaryApi } from '../testing/api.ts'

/** The values of each line, by name and labels. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`)
  assert.deepEqual(
    [response.status, response.headers.get('content-type')],
    [200, 'text/plain; version=0.0.4; charset=utf-8'],
  )
  const text = await response.text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

test('requests are counted by route and status, whatever stands in their paths', async (context) => {
  const { url } = await temporaryApi(context)
  await ask(`${url}/api/v1/orchestrator/jobs/one`)
  await ask(`${url}/api/v1/orchestrator/jobs/two?x=1`)
  await ask(`${url}/api/v1/agent/alive`)
  for (const path of ['/nothing', '/else', '/%00']) await ask(`${url}${path}`)
  await ask(`${url}/api/v1/agent/alive`, { method: 'PATCH' })
  const values = await scrape(url)
  const requests = [...values].filter(([key]) => key.startsWith('bacalhau_http_requests_total'))
  assert.deepEqual(Object.fromEntries(requests), {
    'bacalhau_http_requests_total{method="GET",route="/api/v1/orchestrator/jobs/:id",status="404"}': 2,
    'bacalhau_http_requests_total{method="GET",route="/api/v1/agent/alive",status="200"}': 1,
    'bacalhau_http_requests_total{method="other",route="none",status="404"}': 3,
    'bacalhau_http_requests_total{method="other",route="none",status="405"}': 1,
  })
  const labels = '{method="GET",route="/api/v1/orchestrator/jobs/:id"'
  assert.equal(values.get(`bacalhau_http_request_duration_seconds_bucket${labels},le="+Inf"}`), 2)
  assert.equal(values.get(`bacalhau_http_request_duration_seconds_count${labels}}`), 2)
})

test('the process tells of itself', async (context) => {
  const { url } = await temporaryApi(context)
  const values = await scrape(url)
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'process_start_time_seconds',
    'nodejs_heap_size_bytes{use="used"}',
    'nodejs_eventloop_busy_seconds_total',
  ]) {
    assert.ok((values.get(name) ?? 0) > 0, name)
  }
  const again = await scrape(url)
  assert.ok((again.get('nodejs_eventloop_lag_seconds{quantile="max"}') ?? -1) >= 0)
})

test('what other parts count is shown as well', async (context) => {
  const meter = createMeter()
  meter.counter('parts_total', 'Parts.').add(7)
  const { url } = await temporaryApi(context, { meter })
  assert.equal((await scrape(url)).get('parts_total'), 7)
})

test('names and helps are those of the conventions', async (context) => {
  const { url } = await temporaryApi(context)
  await scrape(url)
  const text = await (await fetch(`${url}/metrics`)).text()
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((match) => [match[1] ?? '', match[2] ?? ''] as const)
  assert.ok(types.length > 5)
  for (const [name, kind] of types) {
    assert.equal(name.endsWith('_total'), kind === 'counter', name)
    assert.match(text, new RegExp(`^# HELP ${name} [A-Z].*\\.$`, 'm'))
  }
})
