import type { Style } from '../terminal/style.ts'
import { displayWidth, fitWidth } from '../terminal/width.ts'

/** The first lines of a picture: what is counted, the time of the picture, and how to leave it. */
export function headline(text: string, now: number, columns: number, style: Style): string[] {
  const time = `${new Date(now).toISOString().slice(11, 19)} UTC`
  const isScreen = columns < Number.MAX_SAFE_INTEGER
  if (!isScreen) return [`${time}: ${text}`]
  const end = `${time}, q quits`
  const room = columns - displayWidth(end) - 2
  if (displayWidth(text) > room) return [style.bold(fitWidth(text, columns)), '']
  return [`${style.bold(text)}${' '.repeat(columns - displayWidth(text) - displayWidth(end))}${style.dim(end)}`, '']
}
