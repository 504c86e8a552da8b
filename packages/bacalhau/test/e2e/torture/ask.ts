/** Pause before a question that nobody took is asked again. Milliseconds. */
const PAUSE = 100

/** A node may be on its way up, or dead for a moment: for so long it is asked again. Milliseconds. */
const PATIENCE = 30_000

export interface Answer {
  readonly status: number
  readonly ok: boolean
  readonly text: string
}

/** The answer to a GET as a whole. Whatever breaks on the way, it is asked again, until nobody has answered for too long. */
export async function ask(url: string | URL, patience: number = PATIENCE): Promise<Answer> {
  const deadline = Date.now() + patience
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(patience) })
      return { status: answer.status, ok: answer.ok, text: await answer.text() }
    } catch (cause) {
      if (Date.now() > deadline) throw new Error(`nobody answers ${String(url)}`, { cause })
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE))
  }
}
