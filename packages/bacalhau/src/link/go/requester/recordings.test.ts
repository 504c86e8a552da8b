import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import type { ReportMessage } from '@bacalhau/models'
import { arriving, goTell } from '../fixtures/go-host.ts'
import { type Recorded, recording, textOf } from '../fixtures/recordings.ts'
import { nodeHost, type PlayedOrchestrator, requesterBench, wasmJob } from '../fixtures/requester-bench.ts'
import { logEntrySchema } from '../wire/messages.ts'
import { step } from './asked.ts'
import { mend } from './logs.ts'

interface Replay {
  readonly orchestrator: PlayedOrchestrator
  readonly executionId: string
  /** What came in, call by call. */
  readonly calls: readonly string[]
}

/**
 * A node that says what a recorded one said, byte for byte but for the names of the two peers: to each request the answer, and
 * the callbacks that came before the next one.
 */
async function replay(t: TestContext, name: string, generation: 'b' | 'c' = 'c'): Promise<Replay> {
  const bench = await requesterBench(t)
  const host = await nodeHost(t, bench)
  const { messages } = recording(name)
  const ask: unknown = messages[0]?.json
  const { SourcePeerID, TargetPeerID, ExecutionID, Execution } = ask as {
    SourcePeerID: string
    TargetPeerID: string
    ExecutionID?: string
    Execution?: { ID: string }
  }
  const [ours, node] = [bench.ours.peerId.toString(), host.peerId.toString()]
  const said = (message: Recorded) => textOf(message).replaceAll(SourcePeerID, ours).replaceAll(TargetPeerID, node)
  const calls: string[] = []

  /** What follows a request, up to the next one. */
  function answersTo(request: Recorded): readonly Recorded[] {
    const rest = messages.slice(messages.indexOf(request) + 1)
    const end = rest.findIndex(({ dir }) => dir === 'ts->go')
    return end === -1 ? rest : rest.slice(0, end)
  }

  for (const request of messages.filter(({ kind }) => kind === 'request')) {
    const protocol = request.protocol ?? ''
    await host.handle(protocol, (stream) => {
      calls.push(protocol.split('/')[3] ?? '')
      const play = async () => {
        await arriving(stream).first
        for (const message of answersTo(request)) {
          if (message.kind === 'callback') await goTell(host, ours, message.protocol ?? '', said(message))
          else {
            stream.send(Buffer.from(`${said(message)}\n`))
            await stream.close()
          }
        }
      }
      play().catch((error: unknown) => stream.abort(new Error('the replay failed', { cause: error })))
    })
  }
  const orchestrator = await bench.present(node, generation)
  const executionId = ExecutionID ?? Execution?.ID ?? ''
  orchestrator.offer(executionId, wasmJob())
  return { orchestrator, executionId, calls }
}

type Expected = (report: ReportMessage) => readonly unknown[]
const HI = { Stdout: 'hi\n', StdoutTruncated: false, stderr: '', StderrTruncated: false, ExitCode: 0, ErrorMsg: '' }
const made: Expected = (report) =>
  report.type === 'completed' ? [report.type, report.output, report.result] : [report]
const failed: Expected = (report) => (report.type === 'failed' ? [report.type, report.code, report.message] : [report])
const refused: Expected = (report) => (report.type === 'refused' ? [report.type, report.later] : [report])

const ENDS: readonly (readonly [string, 'b' | 'c', Expected, readonly unknown[]])[] = [
  ['b1-batch-no-publisher', 'c', made, ['completed', HI, { Type: '' }]],
  [
    'b2-batch-local-publisher',
    'c',
    made,
    [
      'completed',
      HI,
      // The node has found no address of its own: it is where it is seen.
      {
        Type: 'urlDownload',
        Params: { URL: 'http://127.0.0.1:6001/e-aac09746-d7a5-4381-a877-d2525840e12c.tgz' },
      },
    ],
  ],
  [
    'b3-batch-ipfs-publisher',
    'c',
    made,
    ['completed', HI, { Type: 'ipfs', Params: { CID: 'QmcKaAdkYDJWnFLUbeYfvQpFmyRe6tKr1ko4wyNWjkGKCA' } }],
  ],
  ['b4-ops', 'c', made, ['completed', HI, { Type: '' }]],
  ['b5-reject-capacity', 'c', refused, ['refused', false]],
  ['b7-compute-timeout', 'c', failed, ['failed', 'ExecutionTimeout', 'Execution timed out: the node has stopped it.']],
  [
    'b8-run-failure',
    'c',
    failed,
    [
      'failed',
      'JobFailed',
      'execution error: failed to instantiate entry module module (inline): invalid magic number',
    ],
  ],
  ['b9-ops-refused', 'c', refused, ['refused', false]],
  [
    'genb-b-batch',
    'b',
    made,
    [
      'completed',
      { ...HI, Stdout: 'Hello, world!\n' },
      { Type: 'ipfs', Params: { CID: 'QmehTNF6ogbESt26EgrSw9YGrApneSWhPesqw1A5T6ezBe' } },
    ],
  ],
]

describe('what Go nodes were recorded to say', () => {
  for (const [name, generation, expected, values] of ENDS) {
    test(`${name} comes to its end`, async (t) => {
      const { orchestrator, executionId } = await replay(t, name, generation)
      assert.deepEqual(expected(await orchestrator.last(executionId)), values)
    })
  }

  test('b6-cancel-running: the callback of a cancel comes before its answer, and nothing is said of it', async (t) => {
    const { orchestrator, executionId, calls } = await replay(t, 'b6-cancel-running')
    await orchestrator.until(() => orchestrator.of(executionId).length === 2)
    orchestrator.cancel(executionId)
    await orchestrator.until(() => orchestrator.acks.length === 2)
    while (calls.length < 3) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([calls, orchestrator.of(executionId).length], [['ask_for_bid', 'bid_accepted', 'cancel'], 2])
  })

  test('v131-a-batch: callbacks of v1.3.1 are those of v1.2.3', () => {
    const callbacks = (name: string) =>
      recording(name)
        .messages.filter(({ kind }) => kind === 'callback')
        .map(({ protocol, json }) => [protocol, Object.keys(json as object)])
    assert.deepEqual(callbacks('v131-a-batch'), callbacks('b1-batch-no-publisher'))
  })

  for (const name of ['b10-rpc-errors', 'b11-bid-rejected']) {
    test(`${name}: refusals of calls are understood`, () => {
      const errors = recording(name)
        .messages.filter(({ kind }) => kind === 'response')
        .map(({ protocol, json }) => [protocol, (json as { Error: string }).Error] as const)
        .filter(([, error]) => error !== '')
      assert.ok(errors.length >= 2)
      for (const [protocol, error] of errors) {
        const isAcceptance = protocol?.includes('bid_accepted') === true
        const type = isAcceptance ? 'accept answered' : 'stop answered'
        const phase = isAcceptance ? 'running' : 'stopping'
        const asked = { peer: 'Qm', jobId: 'j', generation: 'c', phase, publishes: false, ended: 'Cancelled' } as const
        const { next } = step('e', asked, { type, error })
        // Either it is over, or nobody needs to know of it any more.
        assert.ok(next === undefined || next.phase === 'over', error)
      }
    })
  }

  test('b12-execution-logs-go-wasm: lines without the header that the engine leaves in them', () => {
    const entries = recording('b12-execution-logs-go-wasm')
      .messages.filter(({ kind }) => kind === 'logframe')
      .map((message) => logEntrySchema.parse(JSON.parse(textOf(message))))
    const lines = entries.slice(0, 5).map(({ value }) => mend(value.Line))
    assert.deepEqual(
      lines,
      [1, 3, 5, 7, 9].map((row) => `\u001b[32mrow ${row}\n`),
    )
    assert.match(entries.at(-1)?.error ?? '', /^failed to get log stream/)
  })
})
