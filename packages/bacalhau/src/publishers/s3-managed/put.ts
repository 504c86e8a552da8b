import { type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StorageGrant } from '../../link/storage-protocol.ts'
import type { Clock } from '../../runtime/clock.ts'
import { messageOf } from '../../runtime/error.ts'
import type { Outbound } from '../../sources/outbound/outbound.ts'
import { isWeb, pinned, refused, shown } from '../../sources/outbound/request.ts'
import { watchSilence } from '../../sources/url/watch.ts'

export interface PutOptions {
  readonly outbound: Outbound
  readonly clock: Clock
  readonly silence: number
}

/** An answer that will be the same the next time. */
export class RefusedPut extends Error {}

/** How much of an answer is read: the names of errors stand at its beginning. Bytes. */
const READ = 16 * 1024
const PASSING: readonly number[] = [403, 408, 425, 429]

/**
 * Sends `body` by a URL that somebody else signed, to an address that jobs may reach. Redirects are not followed: what was signed
 * is good for one host. Throws `RefusedPut`, or any other error where another try may help.
 */
export async function put(
  { url: text, headers }: StorageGrant,
  body: Readable,
  { outbound, clock, silence }: PutOptions,
  outer: AbortSignal,
): Promise<void> {
  const url = new URL(text)
  const watch = watchSilence(clock, silence, outer, () => new Error(`nothing moved for ${silence / 1_000} seconds`))
  try {
    if (!isWeb(url)) throw refused(url, 'it is no web address')
    const lookup = pinned(await outbound.addressesOf(url.hostname))
    const begin = url.protocol === 'https:' ? requestHttps : requestHttp
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = begin(url, { method: 'PUT', headers, agent: false, signal: watch.signal, lookup })
      request.on('response', resolve).on('error', reject)
      const touched = async function* (chunks: AsyncIterable<Uint8Array>) {
        for await (const chunk of chunks) {
          watch.touch()
          yield chunk
        }
      }
      pipeline(body, touched, request).catch(reject)
    })
    const answer = await beginningOf(response)
    const { statusCode: status = 0 } = response
    if (status >= 200 && status < 300) return
    const problem = `${shown(url)} answers ${status}${answer === '' ? '' : ` (${answer})`}`
    throw status >= 500 || PASSING.includes(status) ? new Error(problem) : new RefusedPut(problem)
  } catch (error) {
    outer.throwIfAborted()
    if (watch.signal.aborted) throw new Error(messageOf(watch.signal.reason), { cause: error })
    throw error
  } finally {
    watch.end()
    body.destroy()
  }
}

/** The code in an error of S3, if there is one. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      chunks.push(chunk)
      length += chunk.length
      if (length > READ) break
    }
  } catch {
    // The status is what counts.
  }
  return /<Code>(\w{1,64})<\/Code>/.exec(Buffer.concat(chunks).toString('utf8'))?.[1] ?? ''
}
