import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ask } from '../link/go/fixtures/asks.ts'
import { arriving, goStream } from '../link/go/fixtures/go-host.ts'
import { allRecordings, textOf } from '../link/go/fixtures/recordings.ts'
import { GO_PROTOCOLS } from '../link/go/wire/protocols.ts'
import { openPair } from './fixtures/go-bench.ts'

const CALLS = [
  GO_PROTOCOLS.askForBid,
  GO_PROTOCOLS.bidAccepted,
  GO_PROTOCOLS.bidRejected,
  GO_PROTOCOLS.cancel,
  GO_PROTOCOLS.resultAccepted,
  GO_PROTOCOLS.resultRejected,
  GO_PROTOCOLS.executionLogs,
  GO_PROTOCOLS.logAddress,
  GO_PROTOCOLS.logStream,
]

/** Everything that was ever recorded, without what would make the test slow. */
const RECORDED = [...new Set(allRecordings().flatMap(({ messages }) => messages.map(textOf)))].filter(
  (text) => text.length < 20_000,
)

/** `value` with the field at `path` replaced; where there is none, as it is. */
function replaced(value: unknown, path: readonly number[], by: unknown): unknown {
  const [first, ...rest] = path
  if (typeof value !== 'object' || value === null || first === undefined) return by
  const keys = Object.keys(value)
  const chosen = keys[first % Math.max(1, keys.length)]
  const copy = Object.entries(value).map(([key, item]) => [key, key === chosen ? replaced(item, rest, by) : item])
  return Array.isArray(value) ? copy.map(([, item]) => item as unknown) : Object.fromEntries(copy)
}

const junk = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(null, 0, -1, 1e308, 1.5, true, '', 'x'.repeat(70_000), [], {}, [[]], { __proto__: {} }),
)
const recorded = fc.constantFrom(...RECORDED)
const frame = fc.oneof(
  fc
    .tuple(recorded, fc.array(fc.nat(12), { maxLength: 7 }), junk)
    .map(([text, path, value]) => JSON.stringify(replaced(JSON.parse(text), path, value))),
  fc
    .tuple(recorded, fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([text, part]) => text.slice(0, Math.floor(part * text.length))),
  fc.tuple(recorded, fc.nat(), fc.string()).map(([text, at, noise]) => {
    const place = at % text.length
    return text.slice(0, place) + noise + text.slice(place)
  }),
  fc.integer({ min: 1, max: 5_000 }).map((depth) => '{"a":'.repeat(depth)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
)

test('whatever a trusted requester sends, the node answers or resets, and goes on', { timeout: 60_000 }, async (t) => {
  const { node, requester, runner, role } = await openPair(t)
  const self = { SourcePeerID: requester.peer, TargetPeerID: node }
  /** Recorded names are made ours in most cases, or nothing would get past the first look. */
  const ours = (text: string) =>
    text
      .replaceAll(/"SourcePeerID":"\w+"/g, `"SourcePeerID":"${requester.peer}"`)
      .replaceAll(/"TargetPeerID":"\w+"/g, `"TargetPeerID":"${node}"`)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...CALLS), frame, fc.boolean(), async (protocol, text, half) => {
      const stream = await goStream(requester.host, node, protocol)
      const arrived = arriving(stream)
      if (stream.writeStatus === 'writable') stream.send(Buffer.from(ours(text)))
      // A request without an end is waited for: the caller leaves.
      if (half) await stream.close()
      else stream.abort(new Error('the caller left'))
      assert.match(await arrived.end, /closed|reset/)
      if (half && arrived.texts.length > 0) assert.match(arrived.texts.join(''), /^\{.*\}\n$/s)
    }),
    { numRuns: 250 },
  )
  assert.ok(role.peers().includes(requester.peer))
  const good = await requester.ask(node, { ...self, ...ask('e-after') })
  assert.equal(good, '{"Response":{"ExecutionID":"e-after","JobID":"j-e-after"},"Error":""}\n')
  await requester.accept(node, 'e-after').catch(() => undefined)
  assert.equal(runner.fault, undefined)
})
