import { formatBytes } from '@bacalhau/models/units'
import { BacalhauError } from '../runtime/error.ts'
import type { Arrival } from '../sources/arrival.ts'

/** How all inputs of an execution come. */
export interface Arrivals {
  /** For one input. */
  next(): Arrival & { done(): void }
  /** Bytes that all of them have on the disk. */
  readonly bytes: number
}

/**
 * Sums up what several inputs say: `downloading 1.2 GB of 3 GB, 1 of 2 inputs here`. Together they may not have more than `most`
 * bytes, which is what the job has asked for.
 */
export function createArrivals(count: number, most: number, say: (text: string) => void): Arrivals {
  let [expected, came, done] = [0, 0, 0]

  function tell(): void {
    const how =
      expected === 0
        ? 'fetching inputs'
        : `downloading ${formatBytes(Math.min(came, expected))} of ${formatBytes(expected)}`
    say(count === 1 ? how : `${how}, ${done} of ${count} inputs here`)
  }

  tell()
  return {
    get bytes() {
      return expected
    },
    next() {
      let [own, ended] = [0, false]
      return {
        expect(bytes) {
          expected += bytes - own
          own = bytes
          if (expected > most) throw tooMuch(expected, most)
          tell()
        },
        came(bytes) {
          came += bytes
          tell()
        },
        done() {
          if (!ended) done += 1
          ended = true
          if (done < count) tell()
        },
      }
    },
  }
}

function tooMuch(bytes: number, most: number): BacalhauError {
  const problem = `the inputs have ${formatBytes(bytes)}, and the job has asked for ${formatBytes(most)} of disk`
  return new BacalhauError('DiskFull', problem, {
    hint: 'Ask for more with Resources.Disk, for inputs and results together.',
  })
}
