import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Meter } from '../../runtime/meter.ts'

/** Milliseconds between two looks at how late the event loop is. */
const RESOLUTION = 50
const NANOSECONDS = 1e9

/** The process: processor time, memory, and how late its event loop is. Names are those that Node programs commonly use. */
export function measureProcess(meter: Meter): void {
  meter.total('process_cpu_seconds_total', 'Processor time, all threads, user and system.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  meter.gauge('process_start_time_seconds', 'When the process started, since the epoch.', () => {
    return Math.round(performance.timeOrigin) / 1e3
  })
  meter.gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  meter.gauge('nodejs_heap_size_bytes', 'Memory of JavaScript, by use.', () => {
    const { heapTotal, heapUsed, external } = process.memoryUsage()
    return Object.entries({ total: heapTotal, used: heapUsed, external }).map(([use, value]) => ({
      labels: { use },
      value,
    }))
  })
  meter.total('nodejs_eventloop_busy_seconds_total', 'Time in which the event loop was not idle.', () => {
    return performance.eventLoopUtilization().active / 1e3
  })
  measureLag(meter)
}

/** Looked at only since somebody has asked, and from one time of asking to the next. */
function measureLag(meter: Meter): void {
  let delays: ReturnType<typeof monitorEventLoopDelay> | undefined
  meter.gauge('nodejs_eventloop_lag_seconds', 'How late timers were since the last time of asking.', () => {
    if (delays === undefined) {
      delays = monitorEventLoopDelay({ resolution: RESOLUTION })
      delays.enable()
    }
    const lag = { p50: delays.percentile(50), p99: delays.percentile(99), max: delays.max }
    const seen = delays.count > 0
    delays.reset()
    return Object.entries(lag).map(([quantile, value]) => ({
      labels: { quantile },
      // What was waited for on purpose does not count.
      value: seen ? Math.max(0, value / NANOSECONDS - RESOLUTION / 1e3) : 0,
    }))
  })
}
