import type { Io } from '../io.ts'
import { pause as pauseHere } from '../pause.ts'

/** How a command shows something that changes, picture after picture. */
export interface ScreenOptions {
  readonly io: Io
  /** Milliseconds between two pictures. */
  readonly interval: number
  /** So many pictures and no more; without end if absent. */
  readonly frames?: number | undefined
  /** Gathers what the next picture shows. Until it is there, the last one stays. */
  readonly load: (signal: AbortSignal) => Promise<Picture>
  readonly signal: AbortSignal
  /** Waits some milliseconds. */
  readonly pause?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>
}

/** Lines, made for the size that the terminal has when they are shown. */
export type Picture = (columns: number, rows: number) => readonly string[]

/** The other screen of the terminal, from its top, without a cursor; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[H'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const TOP = '\u001b[H'
const ERASE_LINE = '\u001b[K'
const ERASE_REST = '\u001b[0J'
/** Keys that end it: q, Escape, Ctrl-C, Ctrl-D. */
const END_KEYS = new Set(['q', 'Q', '\u001b', '\u0003', '\u0004'])

/**
 * Shows picture after picture until a key or Ctrl-C ends it. A terminal gives its whole screen for that and gets it back as it was;
 * anything else gets the pictures one below the other. Throws what `load` throws.
 */
export async function showScreen(options: ScreenOptions): Promise<void> {
  await (options.io.out.redraws ? onScreen(options) : inPlainText(options))
}

/** Lines of a picture where there is no screen that could be too small. */
const ENDLESS = Number.MAX_SAFE_INTEGER

async function inPlainText({
  io,
  interval,
  frames = Infinity,
  load,
  signal,
  pause = pauseHere,
}: ScreenOptions): Promise<void> {
  for (let count = 1; ; count++) {
    const picture = await load(signal)
    await io.out.write(`${picture(ENDLESS, ENDLESS).join('\n')}\n`)
    if (count >= frames) return
    await io.out.write('\n')
    await pause(interval, signal)
  }
}

async function onScreen({
  io,
  interval,
  frames = Infinity,
  load,
  signal,
  pause = pauseHere,
}: ScreenOptions): Promise<void> {
  const { out } = io
  const ended = new AbortController()
  const end = () => ended.abort()
  const stop = AbortSignal.any([signal, ended.signal])
  let picture: Picture = () => []
  const draw = async () => {
    const lines = picture(out.columns, out.rows).slice(0, out.rows)
    await out.write(`${TOP}${lines.map((line) => `${ERASE_LINE}${line}`).join('\n')}${ERASE_REST}`)
  }
  const cleanUp = [
    out.lastWords(LEAVE),
    out.onResize(() => void draw().catch(end)),
    io.inputIsTerminal ? io.keys((key) => END_KEYS.has(key) && end()) : () => {},
  ]
  await out.write(ENTER)
  try {
    for (let count = 1; !stop.aborted; count++) {
      picture = await load(stop)
      await draw()
      if (count >= frames) return
      await pause(interval, stop)
    }
  } catch (error) {
    // Whoever ends it wants no error for what was under way.
    if (!stop.aborted) throw error
  } finally {
    for (const step of cleanUp) step()
    await out.write(LEAVE)
  }
}
