import type { Change } from '../../orchestrator/service.ts'
import type { Clock } from '../../runtime/clock.ts'
import { LIMITS } from '../../runtime/limits.ts'

/** A comment, which keeps the connection and whoever watches it awake. */
const BEAT = ': beat\n\n'

/**
 * Changes as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), ended after
 * `LIMITS.eventStream`: a reader connects again and goes on where it was.
 */
export async function* frames(changes: AsyncIterable<readonly Change[]>, clock: Clock): AsyncGenerator<string> {
  const begin = clock.monotonic()
  let spoken = begin
  for await (const batch of changes) {
    const now = clock.monotonic()
    if (now - begin >= LIMITS.eventStream) return
    if (batch.length === 0 && now - spoken < LIMITS.eventBeat) continue
    spoken = now
    yield batch.length === 0 ? BEAT : batch.map(frameOf).join('')
  }
}

/** Thousands of readers are told of the same change: its text is made once. */
const texts = new WeakMap<Change, string>()

export function frameOf(change: Change): string {
  const known = texts.get(change)
  if (known !== undefined) return known
  const id = 'cursor' in change ? `id: ${change.cursor}\n` : ''
  const text = `${id}event: ${change.kind}\ndata: ${JSON.stringify(dataOf(change))}\n\n`
  texts.set(change, text)
  return text
}

function dataOf(change: Change): unknown {
  if (change.kind === 'ready') return change.cursor === undefined ? {} : { Cursor: change.cursor }
  return change.kind === 'reset' ? {} : change.event
}
