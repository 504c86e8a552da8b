import type { Content } from '../../content/content.ts'

const PREFIX = 'result/'
const DAY = 24 * 60 * 60_000

const dayOf = (time: number): string => new Date(time).toISOString().slice(0, 10)

/** The name under which results are pinned that are published at `time`, in milliseconds since the epoch: one a day. */
export const resultPin = (time: number): string => `${PREFIX}${dayOf(time)}`

/**
 * Lets go of the results that were published more than so many days before `now`; says how many they were. What was published
 * again since then, or is kept by somebody else, stays.
 */
export function releaseOldResults(content: Pick<Content, 'pinNames' | 'unpinAll'>, now: number, days: number): number {
  const oldest = resultPin(now - days * DAY)
  const names = content.pinNames(PREFIX).filter((name) => name < oldest)
  return names.reduce((sum, name) => sum + content.unpinAll(name), 0)
}
