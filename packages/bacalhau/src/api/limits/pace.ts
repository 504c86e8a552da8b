import type { Clock } from '../../runtime/clock.ts'
import { BacalhauError } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Access } from '../auth/access.ts'

/** How fast each caller may ask. */
export interface Pace {
  /** Counts a request; throws `TooManyRequests` when it comes too early. */
  take(access: Pick<Access, 'name' | 'kind'>, address: string | undefined): void
}

interface Bucket {
  tokens: number
  /** When `tokens` was right, by the monotonic clock. */
  at: number
}

/**
 * `perSecond` requests a second, and as many at once, for each credential, and for each address of those without one; 0 sets no
 * bound. Programs on this machine are not counted: they could do worse.
 */
export function createPace(clock: Clock, perSecond: number): Pace {
  const buckets = new Map<string, Bucket>()
  return {
    take({ name, kind }, address) {
      if (perSecond === 0 || kind === 'local') return
      const key = kind === 'stranger' ? networkOf(address ?? '') : `${kind} ${name}`
      const now = clock.monotonic()
      const bucket = buckets.get(key) ?? addBucket(buckets, key, { tokens: perSecond, at: now })
      bucket.tokens = Math.min(perSecond, bucket.tokens + ((now - bucket.at) * perSecond) / 1_000)
      bucket.at = now
      if (bucket.tokens < 1) {
        throw new BacalhauError('TooManyRequests', `more than ${perSecond} requests a second`, {
          component: 'APIServer',
          hint: 'Ask less often: follow /api/v1/orchestrator/events instead of polling, or submit many jobs at once.',
        })
      }
      bucket.tokens--
    },
  }
}

function addBucket(buckets: Map<string, Bucket>, key: string, bucket: Bucket): Bucket {
  // Whoever has been remembered longest makes room, and may begin anew.
  const [oldest] = buckets.size >= LIMITS.pacedCallers ? buckets.keys() : []
  if (oldest !== undefined) buckets.delete(oldest)
  buckets.set(key, bucket)
  return bucket
}

/** One household: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function networkOf(address: string): string {
  const plain = address
    .toLowerCase()
    .replace(/^::ffff:(?=\d+\.)/, '')
    .replace(/%.*$/, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from(
    { length: tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length) },
    () => '0',
  )
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`
}
