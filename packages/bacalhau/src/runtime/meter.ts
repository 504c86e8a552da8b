/** What a measured value is about, by name. Few values each: every combination is a line of its own for ever. */
export type Labels = Readonly<Record<string, string>>

export interface Sample {
  readonly labels?: Labels
  readonly value: number
}

/** Only ever grows. */
export interface Counter {
  add(amount?: number, labels?: Labels): void
}

/** How often values fell into which range. */
export interface Histogram {
  observe(value: number, labels?: Labels): void
}

/** How the values of one histogram lie: for each bound how many are not above it, and all together. */
export interface Distribution {
  readonly labels: Labels
  readonly counts: readonly number[]
  readonly count: number
  readonly sum: number
}

export type Metric = { readonly name: string; readonly help: string } & (
  | { readonly kind: 'counter' | 'gauge'; readonly samples: Iterable<Sample> }
  | { readonly kind: 'histogram'; readonly bounds: readonly number[]; readonly distributions: Iterable<Distribution> }
)

/**
 * Where parts of a node count what they do. Counting is an addition to a number; what can be looked up at any moment is not
 * counted but read, when somebody asks. Names follow https://prometheus.io/docs/practices/naming/.
 */
export interface Meter {
  counter(name: string, help: string): Counter
  /** `bounds` go up. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram
  /** `read` gives the value now, and must be cheap. */
  gauge(name: string, help: string, read: () => number | Iterable<Sample>): void
  /** A counter that somebody else keeps. */
  total(name: string, help: string, read: () => number | Iterable<Sample>): void
  /** Everything as it is now. */
  read(): Metric[]
}

/** Seconds, for what takes from a tenth of a millisecond to ten seconds. */
export const DURATIONS = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10] as const

export function createMeter(): Meter {
  const metrics = new Map<string, () => Metric>()

  function register(name: string, read: () => Metric): void {
    if (!/^[a-z][a-z\d_]*$/.test(name) || metrics.has(name)) throw new Error(`${name} is no new name of a metric`)
    metrics.set(name, read)
  }

  const readable = (kind: 'gauge' | 'counter') => (name: string, help: string, read: () => number | Iterable<Sample>) =>
    register(name, () => {
      const value = read()
      return { name, help, kind, samples: typeof value === 'number' ? [{ value }] : value }
    })

  return {
    counter(name, help) {
      const values = new Map<string, { readonly labels: Labels; value: number }>()
      register(name, () => ({ name, help, kind: 'counter', samples: values.values() }))
      return {
        add(amount = 1, labels = {}) {
          entryOf(values, labels, () => ({ labels, value: 0 })).value += amount
        },
      }
    },
    histogram(name, help, bounds) {
      const values = new Map<string, { labels: Labels; counts: number[]; count: number; sum: number }>()
      register(name, () => ({ name, help, kind: 'histogram', bounds, distributions: values.values() }))
      return {
        observe(value, labels = {}) {
          const found = entryOf(values, labels, () => ({ labels, counts: bounds.map(() => 0), count: 0, sum: 0 }))
          for (const [index, bound] of bounds.entries())
            if (value <= bound) found.counts[index] = (found.counts[index] ?? 0) + 1
          found.count += 1
          found.sum += value
        },
      }
    },
    gauge: readable('gauge'),
    total: readable('counter'),
    read: () => [...metrics.values()].map((read) => read()),
  }
}

function entryOf<T>(values: Map<string, T>, labels: Labels, make: () => T): T {
  const key = Object.values(labels).join('\u0000')
  const known = values.get(key)
  if (known !== undefined) return known
  const made = make()
  values.set(key, made)
  return made
}
