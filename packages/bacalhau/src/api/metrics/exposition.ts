import type { Distribution, Labels, Metric } from '../../runtime/meter.ts'

/** Version 0.0.4 of the text format, which everybody reads: https://prometheus.io/docs/instrumenting/exposition_formats/. */
export const EXPOSITION_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function expose(metrics: Iterable<Metric>): string {
  let text = ''
  for (const metric of metrics) {
    const { name, help, kind } = metric
    text += `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${kind}\n`
    if (kind === 'histogram') for (const one of metric.distributions) text += bucketLines(name, metric.bounds, one)
    else for (const { labels = {}, value } of metric.samples) text += line(name, labels, value)
  }
  return text
}

function bucketLines(name: string, bounds: readonly number[], { labels, counts, count, sum }: Distribution): string {
  const buckets = bounds.map((bound, index) =>
    line(`${name}_bucket`, { ...labels, le: String(bound) }, counts[index] ?? 0),
  )
  const all = line(`${name}_bucket`, { ...labels, le: '+Inf' }, count)
  return `${buckets.join('')}${all}${line(`${name}_sum`, labels, sum)}${line(`${name}_count`, labels, count)}`
}

function line(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escape(text)}"`)
  return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${textOf(value)}\n`
}

const escape = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

function textOf(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
