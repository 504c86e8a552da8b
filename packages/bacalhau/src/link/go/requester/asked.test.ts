import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reportMessageSchema, type ReportMessage } from '@bacalhau/models'
import fc from 'fast-check'
import { type Asked, type AskedEvent, askedSchema, type Call, type Phase, step } from './asked.ts'

const ID = 'e-1'
const OUTPUT = {
  Stdout: 'hi\n',
  StdoutTruncated: false,
  stderr: '',
  StderrTruncated: false,
  ExitCode: 0,
  ErrorMsg: '',
}
const RAN: AskedEvent = { type: 'ran', output: OUTPUT, result: { Type: 'ipfs', Params: { CID: 'Qm' } } }
const in_ = (phase: Phase, more: Partial<Asked> = {}): Asked => ({
  peer: 'QmNode',
  jobId: 'j-1',
  generation: 'c',
  phase,
  publishes: true,
  ...more,
})
const stateIs = (state: string): AskedEvent => ({
  type: 'accept answered',
  error: `execution ${ID} is in state ${state} but expected one of [Created]`,
})
const YES: AskedEvent = { type: 'bid', accepted: true, reason: '' }
const no = (reason: string): AskedEvent => ({ type: 'bid', accepted: false, reason })
const NO_ROOM = 'not enough capacity to enqueue job'

/** One line: where it is, what happens, where it is then, what is called, what is reported. */
type Line = readonly [Asked, AskedEvent, Phase | 'gone', (Call | undefined)?, ...string[]]

const TABLE: readonly Line[] = [
  // The way it goes.
  [in_('asking'), { type: 'ask answered' }, 'bidding'],
  [in_('bidding'), YES, 'accepting', 'accept'],
  [in_('accepting'), { type: 'accept answered' }, 'running', undefined, 'accepted', 'progress 6'],
  [in_('running'), RAN, 'over', undefined, 'completed'],
  // Callbacks that come before the answer that they follow from.
  [in_('asking'), YES, 'accepting', 'accept'],
  [in_('accepting'), { type: 'ask answered' }, 'accepting'],
  [in_('asking'), RAN, 'over', undefined, 'completed'],
  [in_('accepting'), RAN, 'over', undefined, 'completed'],
  // Twice.
  [in_('accepting'), YES, 'accepting'],
  [in_('running'), YES, 'running'],
  [in_('over', { report: { type: 'completed', executionId: ID, output: null, result: { Type: '' } } }), RAN, 'over'],
  // Refusals: for want of room it is asked again.
  [in_('asking'), { type: 'ask answered', error: 'full' }, 'over', undefined, 'refused later'],
  [in_('bidding'), no('this node does not have capacity to run the job (..)'), 'over', undefined, 'refused later'],
  [in_('bidding'), no('this node does not run jobs that require this many resources'), 'over', undefined, 'refused'],
  [in_('bidding'), { type: 'failed', error: 'Job rejected: not for me' }, 'over', undefined, 'refused'],
  [in_('accepting'), { type: 'accept answered', error: NO_ROOM }, 'over', undefined, 'refused later'],
  [in_('accepting'), { type: 'failed', error: NO_ROOM }, 'over', undefined, 'refused later'],
  [in_('asking'), { type: 'not asked', reason: 'gone' }, 'over', undefined, 'refused later'],
  [in_('bidding'), { type: 'not asked', reason: 'gone' }, 'bidding'],
  // How it ends otherwise.
  [in_('running'), { type: 'failed', error: 'execution error: x' }, 'over', undefined, 'failed JobFailed'],
  [in_('running'), { type: 'failed', error: 'failed to publish' }, 'over', undefined, 'failed PublishFailed'],
  [
    in_('running'),
    { type: 'failed', error: 'canceling execution (e-1): execution not found' },
    'over',
    undefined,
    'cancelled',
  ],
  [in_('running'), { type: 'stopped' }, 'over', undefined, 'failed ExecutionTimeout'],
  // Silence, and what the node says to a second acceptance.
  [in_('asking'), { type: 'silence' }, 'asking'],
  [in_('bidding'), { type: 'silence' }, 'bidding', 'accept'],
  [in_('bidding'), { type: 'accept answered' }, 'running', undefined, 'accepted', 'progress 6'],
  [in_('bidding'), { type: 'accept answered', error: 'execution not found: e-1' }, 'bidding'],
  [in_('accepting'), { type: 'silence' }, 'accepting', 'accept'],
  [in_('accepting'), stateIs('Running'), 'running', undefined, 'accepted', 'progress 6'],
  [
    in_('accepting'),
    { type: 'accept answered', error: 'execution not found: e-1' },
    'over',
    undefined,
    'refused later',
  ],
  [in_('running'), { type: 'silence' }, 'running', 'accept'],
  [in_('running'), stateIs('Running'), 'running'],
  [in_('running'), { type: 'accept answered', error: 'execution not found: e-1' }, 'over', undefined, 'cancelled'],
  [in_('running'), { type: 'accept answered', error: 'something else' }, 'running'],
  [in_('running', { ended: 'Completed' }), RAN, 'over', undefined, 'completed'],
  [in_('running', { ended: 'Completed' }), stateIs('Completed'), 'over', undefined, 'cancelled'],
  [in_('running', { ended: 'Failed' }), stateIs('Failed'), 'over', undefined, 'failed NodeLost'],
  [in_('running', { ended: 'Cancelled' }), stateIs('Cancelled'), 'over', undefined, 'cancelled'],
  // The orchestrator wants it no more.
  [in_('asking'), { type: 'stop' }, 'stopping', 'cancel'],
  [in_('running'), { type: 'stop' }, 'stopping', 'cancel'],
  [in_('stopping'), { type: 'stopped' }, 'gone'],
  [in_('stopping'), { type: 'stop answered' }, 'gone'],
  [in_('stopping'), { type: 'stop answered', error: 'cannot cancel execution e-1 in state Completed' }, 'gone'],
  [in_('stopping'), { type: 'stop answered', error: 'execution not found: e-1' }, 'stopping'],
  [in_('stopping', { ended: 'Unknown' }), { type: 'stop answered', error: 'execution not found: e-1' }, 'gone'],
  [in_('stopping'), YES, 'stopping', 'reject'],
  [in_('stopping'), no('full'), 'gone'],
  [in_('stopping'), RAN, 'gone'],
  [in_('stopping'), { type: 'silence' }, 'stopping', 'cancel'],
  [in_('over', { report: { type: 'refused', executionId: ID, reason: '', later: true } }), YES, 'over', 'reject'],
  // v1.0.3 verifies, then publishes.
  [in_('running', { generation: 'b' }), RAN, 'publishing', 'accept result', 'progress 7'],
  [in_('accepting', { generation: 'b' }), RAN, 'publishing', 'accept result', 'accepted', 'progress 7'],
  [in_('publishing', { generation: 'b' }), RAN, 'publishing'],
  [
    in_('publishing', { generation: 'b', output: OUTPUT }),
    { type: 'published', result: { Type: '' } },
    'over',
    undefined,
    'completed',
  ],
  [in_('publishing', { generation: 'b' }), { type: 'silence' }, 'publishing', 'accept result'],
  [in_('publishing', { generation: 'b' }), { type: 'result answered' }, 'publishing'],
  [in_('running', { generation: 'b' }), stateIs('WaitingVerification'), 'publishing', 'accept result', 'progress 7'],
  [in_('stopping', { generation: 'b' }), RAN, 'gone', 'reject result'],
  // Without a publisher nothing is missing when only the last callback got lost.
  [
    in_('publishing', { generation: 'b', output: OUTPUT, publishes: false, ended: 'Completed' }),
    { type: 'result answered', error: 'execution e-1 is in state Completed but expected WaitingVerification' },
    'over',
    undefined,
    'completed',
  ],
  [
    in_('publishing', { generation: 'b', output: OUTPUT, ended: 'Completed' }),
    { type: 'result answered', error: 'execution e-1 is in state Completed but expected WaitingVerification' },
    'over',
    undefined,
    'cancelled',
  ],
]

function nameOf(report: ReportMessage): string {
  if (report.type === 'progress') return `progress ${report.state}`
  if (report.type === 'failed') return `failed ${report.code}`
  return report.type === 'refused' && report.later ? 'refused later' : report.type
}

describe('an execution that a Go node was asked for', () => {
  for (const [asked, event, then, call, ...reports] of TABLE) {
    test(`${asked.generation} ${asked.phase}${asked.ended ?? ''}: ${JSON.stringify(event).slice(0, 90)}`, () => {
      const made = step(ID, asked, event)
      assert.deepEqual([made.next?.phase ?? 'gone', made.call, ...made.reports.map(nameOf)], [then, call, ...reports])
    })
  }

  test('is only believed to have ended when the node names that state twice, and not when it goes on', () => {
    const once = step(ID, in_('running'), stateIs('Completed')).next
    assert.equal(once?.ended, 'Completed')
    const again = step(ID, once ?? in_('running'), stateIs('Running')).next
    assert.equal(again?.ended, undefined)
  })

  test('keeps the output of v1.0.3 until it is published', () => {
    const ran = step(ID, in_('running', { generation: 'b' }), RAN).next ?? in_('running')
    const { reports } = step(ID, ran, { type: 'published', result: { Type: 'ipfs', Params: { CID: 'QmB' } } })
    assert.deepEqual(reports, [
      { type: 'completed', executionId: ID, output: OUTPUT, result: { Type: 'ipfs', Params: { CID: 'QmB' } } },
    ])
  })
})

const errors = fc.option(
  fc.oneof(
    fc.constantFrom(NO_ROOM, 'execution not found: e-1', 'Job rejected: x', '', 'x'.repeat(20_000)),
    fc
      .constantFrom('Created', 'Running', 'Completed', 'Failed', 'Cancelled', 'WaitingVerification')
      .map((state) => `execution e-1 is in state ${state} but expected`),
    fc.string(),
  ),
  { nil: undefined },
)
const events: fc.Arbitrary<AskedEvent> = fc.oneof(
  fc.record({
    type: fc.constantFrom('ask answered', 'accept answered', 'stop answered', 'result answered'),
    error: errors,
  }) as fc.Arbitrary<AskedEvent>,
  fc.record({ type: fc.constant('bid' as const), accepted: fc.boolean(), reason: fc.string() }),
  fc.constant(RAN),
  fc.constant<AskedEvent>({ type: 'published', result: { Type: '' } }),
  fc.constantFrom<AskedEvent>({ type: 'stopped' }, { type: 'silence' }, { type: 'silence' }),
  fc.record({ type: fc.constant('failed' as const), error: errors.map((error) => error ?? '') }),
  fc.record({ type: fc.constant('not asked' as const), reason: fc.string() }),
)
const generations = fc.constantFrom('b', 'c')
const LAST: readonly ReportMessage['type'][] = ['refused', 'completed', 'failed', 'cancelled']

describe('whatever a Go node says', () => {
  test('ends an execution once, with reports in order that can be sent and kept', () => {
    fc.assert(
      fc.property(generations, fc.array(events, { maxLength: 30 }), (generation, said) => {
        let asked: Asked | undefined = in_('asking', { generation })
        const reports: ReportMessage[] = []
        for (const event of said) {
          if (asked === undefined) break
          const made = step(ID, asked, event)
          reports.push(...made.reports)
          asked = made.next
          if (asked !== undefined) assert.ok(askedSchema.safeParse(JSON.parse(JSON.stringify(asked))).success)
        }
        for (const report of reports)
          assert.ok(reportMessageSchema.safeParse(report).success, JSON.stringify(report).slice(0, 200))
        const last = reports.findIndex(({ type }) => LAST.includes(type))
        assert.ok(last === -1 || last === reports.length - 1, 'nothing follows the last report')
        const states = reports.flatMap((report) => (report.type === 'progress' ? [report.state] : []))
        assert.ok(
          states.every((state, index) => state > (states[index - 1] ?? 0)),
          `out of order: ${states.join(' ')}`,
        )
      }),
    )
  })

  test('is of no interest once the orchestrator wants it no more', () => {
    fc.assert(
      fc.property(
        generations,
        fc.array(events, { maxLength: 15 }),
        fc.array(events, { maxLength: 15 }),
        (generation, before, after) => {
          let asked: Asked | undefined = in_('asking', { generation })
          for (const event of before) asked = asked && step(ID, asked, event).next
          if (asked === undefined || asked.phase === 'over') return
          asked = step(ID, asked, { type: 'stop' }).next
          for (const event of after) {
            if (asked === undefined) break
            const made = step(ID, asked, event)
            assert.deepEqual(made.reports, [])
            asked = made.next
          }
        },
      ),
    )
  })

  test('leads to an end when the node answers and nothing else gets through', () => {
    const ends = fc.constantFrom('Completed', 'Failed', 'Cancelled')
    fc.assert(
      fc.property(generations, fc.array(events, { maxLength: 10 }), ends, (generation, said, state) => {
        let asked: Asked | undefined = in_('asking', { generation })
        for (const event of said) asked = asked && step(ID, asked, event).next
        for (let round = 0; round < 4 && asked !== undefined && asked.phase !== 'over'; round++) {
          asked = step(ID, asked, { type: 'ask answered' }).next
          const call = asked && step(ID, asked, { type: 'silence' }).call
          const error = `execution e-1 is in state ${state} but expected one of [Created]`
          const answer =
            call === 'cancel' ? 'stop answered' : call === 'accept result' ? 'result answered' : 'accept answered'
          asked = asked && step(ID, asked, { type: answer, error }).next
        }
        assert.ok(asked === undefined || asked.phase === 'over', JSON.stringify(asked))
      }),
    )
  })
})
