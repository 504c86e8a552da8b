import type { IncomingMessage } from 'node:http'

/** What is between two machines, not between two programs, and what the proxy says itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'host',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-bacalhau-job-id',
])

/** The headers of a message that go on to the other side: names and values in turn, as they were written. */
export function forwarded({ rawHeaders, headers }: IncomingMessage): string[] {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase())
  const dropped = new Set([...HOP_BY_HOP, ...named])
  // Without its length a body would run into what follows.
  dropped.delete('content-length')
  const kept: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2)
    if (!dropped.has(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
