import type { Job } from '@bacalhau/models'
import { z } from 'zod'
import { abortable } from '../../runtime/abort.ts'
import { messageOf } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import type { Opinion } from './policy.ts'

/** The documented answer, whose keys older programs write in whatever case. */
const answerSchema = z.object({ shouldbid: z.boolean(), reason: z.string().default('') })

/**
 * Posts `{"Job": …}` to `url`. A status from 400 on says no; so does the answer `{"shouldBid": false, "reason": "…"}`. One that
 * cannot be reached, or that is in trouble itself, is asked again later.
 */
export const askUrl =
  (url: string, job: Job) =>
  async (signal: AbortSignal): Promise<Opinion> => {
    const shown = withoutSecrets(url)
    let response: Response
    try {
      const headers = { 'content-type': 'application/json' }
      response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ Job: job }), signal })
    } catch (error) {
      signal.throwIfAborted()
      throw new Error(`url "${shown}" cannot be asked (${causeOf(error)})`, { cause: error })
    }
    const { status } = response
    const reason = `accept jobs where url "${shown}" returns HTTP status code ${status}`
    if (status >= 400) {
      await response.body?.cancel()
      return { reason, later: status >= 500 || status === 429 }
    }
    if (mediaType(response) !== 'application/json') {
      await response.body?.cancel()
      return undefined
    }
    const answer = readAnswer(await readBody(response, signal))
    if (answer === undefined) throw new Error(`url "${shown}" gives no answer that can be understood`)
    if (answer.shouldbid) return undefined
    return { reason: answer.reason === '' ? reason : `accept this job: ${answer.reason}`, later: false }
  }

const mediaType = ({ headers }: Response): string =>
  (headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''

/** The address as those may see it whose jobs are refused. */
function withoutSecrets(url: string): string {
  const { origin, pathname } = new URL(url)
  return origin + pathname
}

/** `fetch` says what went wrong in the cause of its error only. */
const causeOf = (error: unknown): string =>
  messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error)

async function readBody({ body }: Response, signal: AbortSignal): Promise<string> {
  if (body === null) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = body.getReader()
  try {
    for (;;) {
      const { value } = await abortable(reader.read(), signal)
      if (value === undefined) return Buffer.concat(chunks).toString('utf8')
      size += value.length
      if (size > LIMITS.probeAnswer) throw new Error(`its answer is longer than ${LIMITS.probeAnswer} bytes`)
      chunks.push(value)
    }
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

function readAnswer(text: string): z.infer<typeof answerSchema> | undefined {
  try {
    const document = z.record(z.string(), z.unknown()).parse(JSON.parse(text))
    return answerSchema.parse(
      Object.fromEntries(Object.entries(document).map(([key, value]) => [key.toLowerCase(), value])),
    )
  } catch {
    return undefined
  }
}
