import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { type Client, type ClientOptions, createClient } from '../src/index.ts'

export interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

export type Answer = (response: ServerResponse, seen: Seen) => void

export interface PlayedServer {
  readonly url: string
  readonly seen: readonly Seen[]
  /** A client whose pauses take no time and are written down here; deadlines never come. */
  readonly client: Client
  readonly pauses: readonly number[]
}

/** A caller may hang up in the middle of its request. */
const ignoreAborted = () => {}

/** Deadlines and the silence of streams are longer than any pause between two tries. Milliseconds. */
const SHORTEST_DEADLINE = 15_000

/** A server that gives these answers, one after the other, the last one for ever, and remembers what it was asked. */
export async function playedServer(
  context: TestContext,
  answers: readonly Answer[],
  options: Partial<ClientOptions> = {},
): Promise<PlayedServer> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    void request.toArray().then((chunks: Buffer[]) => {
      const one = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(chunks) }
      seen.push(one)
      answers[Math.min(seen.length, answers.length) - 1]?.(response, one)
    }, ignoreAborted)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  context.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pauses: number[] = []
  const after = (delay: number, action: () => void) => {
    if (delay >= SHORTEST_DEADLINE) return () => {}
    pauses.push(delay)
    const turn = setImmediate(action)
    return () => clearImmediate(turn)
  }
  return { seen, url, pauses, client: createClient({ baseUrl: url, after, random: () => 0, ...options }) }
}

export const json =
  (value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
  }

/** The error body of the API. */
export const refusal = (status: number, Code: string, headers?: Readonly<Record<string, string>>): Answer =>
  json({ Status: status, Code, Message: `${Code} it is`, RequestID: '', Component: 'Test' }, status, headers)

/** The connection breaks before there is an answer. */
export const hangUp: Answer = (response) => response.destroy()
