import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { FinalReport } from '@bacalhau/models'
import { ask, ELIDED } from '../link/go/fixtures/asks.ts'
import { arriving, connect, goStream, loopbackHost } from '../link/go/fixtures/go-host.ts'
import { type ScriptedGoRequester, scriptGoRequester } from '../link/go/fixtures/go-requester.ts'
import { type Recorded, recording, textOf } from '../link/go/fixtures/recordings.ts'
import { GO_PROTOCOLS } from '../link/go/wire/protocols.ts'
import type { Libp2p } from '@libp2p/interface'
import { opened, openNode, openPair, type Runner, until } from './fixtures/go-bench.ts'

const { onBidComplete, onRunComplete, onCancelComplete, onComputeFailure, onPublishComplete } = GO_PROTOCOLS

describe('recorded conversations with Go requesters go the same way', { timeout: 60_000 }, () => {
  /** A recording with the peers of the test, and with modules where they were left out. */
  function adapted(name: string, requester: string, node: string): Recorded[] {
    const { messages } = recording(name)
    const first = messages[0]?.json as { SourcePeerID: string; TargetPeerID: string }
    const adapt = (text: string) =>
      text.replaceAll(first.SourcePeerID, requester).replaceAll(first.TargetPeerID, node).replaceAll('<elided>', ELIDED)
    return messages.map((message) => ({
      ...message,
      json: JSON.parse(adapt(JSON.stringify(message.json))) as unknown,
      raw: adapt(textOf(message)),
    }))
  }

  const idIn = (json: unknown): string => {
    const { ExecutionID, Execution } = json as { ExecutionID?: string; Execution?: { ID: string } }
    return Execution?.ID ?? ExecutionID ?? ''
  }

  /** Makes the run end as the recording says it did. */
  async function playRun(runner: Runner, messages: readonly Recorded[], { protocol, json }: Recorded): Promise<void> {
    const id = idIn(json)
    const end = (report: FinalReport) => until(() => runner.running.includes(id)).then(() => runner.end(id, report))
    if (protocol === onComputeFailure) {
      const { Err } = json as { Err: string }
      return end({ type: 'failed', executionId: id, code: 'WasmTrap', message: Err })
    }
    if (protocol !== onRunComplete) return
    const output = Object.entries((json as { RunCommandResult: object }).RunCommandResult)
    const at = (name: string) => output.find(([key]) => key.toLowerCase() === name)?.[1] as never
    const published = messages.find((other) => other.protocol === onPublishComplete)?.json
    const { CID } = (published as { PublishResult: { CID: string } } | undefined)?.PublishResult ?? {}
    await end({
      type: 'completed',
      executionId: id,
      output: {
        Stdout: at('stdout'),
        StdoutTruncated: at('stdouttruncated'),
        stderr: at('stderr'),
        StderrTruncated: at('stderrtruncated'),
        ExitCode: at('exitcode'),
        ErrorMsg: '',
      },
      result: CID === undefined ? { Type: '' } : { Type: 'ipfs', Params: { CID } },
    })
  }

  const NAMES = [
    'a1-batch-legacy-job',
    'a2-batch-modern-job',
    'a3-ops-job',
    'a4-logs-and-cancel',
    'a5-reject',
    'a6-failure-retry',
    'v131-a-batch',
    'genb-a-batch',
  ]
  for (const name of NAMES) {
    test(name, async (t) => {
      const { host, node, runner, requester } = await openPair(t)
      const messages = adapted(name, requester.peer, node)
      const refusal = messages.find(({ json }) => (json as { Accepted?: boolean; Reason?: string }).Reason)
      if (refusal !== undefined) {
        const { Reason } = refusal.json as { Reason: string }
        runner.opinion = Promise.resolve({ reason: Reason, later: false })
      }
      let answer: Promise<string> | undefined
      let frames: readonly string[] = []
      for (const message of messages) {
        const { kind, protocol = '', json } = message
        if (kind === 'request' && protocol === GO_PROTOCOLS.executionLogs) {
          runner.output = messages
            .filter((other) => other.kind === 'logframe')
            .map(({ json }) => (json as { value: { Type: number; Line: string } }).value)
            .map(({ Type, Line }) => ({ stream: Type === 1 ? 'stdout' : 'stderr', bytes: Buffer.from(Line) }))
          const stream = await goStream(requester.host, host.peerId.toString(), protocol)
          const arrived = arriving(stream)
          stream.send(Buffer.from(textOf(message)))
          assert.equal(await arrived.end, 'closed')
          await stream.close()
          frames = arrived.texts
        } else if (kind === 'request') answer = requester.call(node, protocol, textOf(message))
        else if (kind === 'response') assert.equal(await answer, `${JSON.stringify(json)}\n`)
        else if (kind === 'logframe') {
          assert.equal(frames[0], `${JSON.stringify(json)}\n`)
          frames = frames.slice(1)
        } else {
          await playRun(runner, messages, message)
          assert.equal((await requester.next(protocol)).text, JSON.stringify(json))
        }
      }
      assert.equal(requester.told.length, messages.filter(({ kind }) => kind === 'callback').length)
    })
  }
})

describe('a job', { timeout: 30_000 }, () => {
  test('runs once, whatever is asked twice, and its answers name its state', async (t) => {
    const { node, runner, requester } = await openPair(t)
    await requester.ask(node, ask('e-1'))
    await requester.next(onBidComplete)
    await requester.ask(node, ask('e-1'))
    const answer = '{"Response":{"ExecutionID":"e-1","JobID":"j-e-1"},"Error":""}\n'
    assert.equal(await requester.accept(node, 'e-1'), answer)
    await until(() => runner.running.length === 1)
    const inState = (state: string) =>
      `{"Response":{"ExecutionID":"","JobID":""},"Error":"execution e-1 is in state ${state} but expected one of [Created]"}\n`
    assert.equal(await requester.accept(node, 'e-1'), inState('BidAccepted'))
    runner.progress('e-1', 6)
    await until(() => requester.told.length === 1)
    runner.end('e-1')
    await requester.next(onRunComplete)
    assert.equal(await requester.accept(node, 'e-1'), inState('Completed'))
    assert.equal(await requester.reject(node, 'e-1'), inState('Completed'))
    assert.match(await requester.cancel(node, 'e-1'), /"Error":"cannot cancel execution e-1 in state Completed"/)
    assert.match(await requester.accept(node, 'e-nope'), /"Error":"execution not found: e-nope"/)
    assert.match(await requester.cancel(node, 'e-nope'), /"Error":"execution not found: e-nope"/)
    await requester.ask(node, ask('e-1'))
    assert.deepEqual(runner.begun, ['e-1'])
    assert.equal(requester.told.length, 2)
  })

  test('that is not wanted is never begun, and one that is cancelled ends; it is told before the answer', async (t) => {
    const { node, runner, requester } = await openPair(t)
    await requester.ask(node, ask('e-1'))
    await requester.next(onBidComplete)
    await requester.reject(node, 'e-1')
    assert.match(await requester.accept(node, 'e-1'), /in state Cancelled but expected/)
    await requester.ask(node, ask('e-2', { approval: false }))
    await until(() => runner.running.length === 1)
    const answer = await requester.cancel(node, 'e-2')
    assert.match(answer, /"ExecutionID":"e-2"/)
    assert.deepEqual(
      requester.told.map(({ protocol }) => protocol),
      [onBidComplete, onCancelComplete],
    )
    await until(() => runner.running.length === 0)
    assert.match(await requester.cancel(node, 'e-2'), /cannot cancel execution e-2 in state Cancelled/)
    assert.deepEqual(runner.begun, ['e-2'])
    assert.equal(requester.told.length, 2, 'nothing more is said of it')
  })

  test('that this node cannot run is refused with the reason, as a bid or as a failure', async (t) => {
    const { node, runner, requester } = await openPair(t)
    const Engine = { Type: 'noop', Params: { Unsuitable: 'no such engine' } }
    await requester.ask(node, ask('e-1', { Engine }))
    const { json } = await requester.next(onBidComplete)
    assert.deepEqual([json['Accepted'], json['Reason']], [false, 'no such engine'])
    await requester.ask(node, ask('e-2', { Engine, approval: false, Type: 'ops' }))
    assert.equal((await requester.next(onComputeFailure)).json['Err'], 'Job rejected: no such engine')
    await requester.ask(node, { Execution: { ID: 'e-3', JobID: 'j', Job: { ID: 'j' } }, WaitForApproval: true })
    assert.match(String((await requester.next(onBidComplete)).json['Reason']), /^this node cannot run the job: /)
    await requester.ask(node, { Execution: { ID: 'e-4', JobID: 'j', Job: null }, WaitForApproval: false })
    assert.match(String((await requester.next(onComputeFailure)).json['Err']), /^Job rejected: this node cannot run/)
    assert.deepEqual(runner.begun, [])
  })

  test('that finds no room waits its turn', async (t) => {
    const { node, runner, requester } = await openPair(t, { capacity: 0.5 })
    for (const id of ['e-1', 'e-2']) {
      await requester.ask(node, ask(id))
      await requester.next(onBidComplete)
      await requester.accept(node, id)
    }
    await until(() => runner.running.length === 1)
    runner.end('e-1')
    await requester.next(onRunComplete)
    await until(() => runner.running.includes('e-2'))
    runner.end('e-2')
    await requester.next(onRunComplete)
  })

  test('without an ID is answered, and nothing comes of it', async (t) => {
    const { node, requester, store } = await openPair(t)
    assert.equal(await requester.ask(node, ask('')), '{"Response":{"ExecutionID":"","JobID":"j-"},"Error":""}\n')
    assert.match(await requester.ask(node, ask('../x')), /"Error":"the execution id is none, or taken"/)
    assert.deepEqual(await store.range('go-taken', { limit: 9 }), [])
  })

  test('of release 1.0.3 whose result is rejected is not published', async (t) => {
    const { node, runner, requester } = await openPair(t)
    const { json } = recording('genb-a-batch').messages[0] ?? {}
    await requester.ask(node, {
      ...(json as object),
      ExecutionID: 'e-b',
      SourcePeerID: requester.peer,
      TargetPeerID: node,
    })
    await requester.next(onBidComplete)
    await requester.accept(node, 'e-b')
    await until(() => runner.running.length === 1)
    runner.end('e-b')
    await requester.next(onRunComplete)
    const about = { SourcePeerID: requester.peer, TargetPeerID: node, ExecutionID: 'e-b' }
    const reject = () => requester.call(node, GO_PROTOCOLS.resultRejected, { ...about, Justification: 'no' })
    assert.match(await reject(), /"ExecutionID":"e-b"/)
    assert.match(await reject(), /in state Failed but expected one of/)
    assert.equal(requester.told.length, 2)
  })
})

describe('trust', { timeout: 30_000 }, () => {
  test('a peer that is not allowed, nor was this node pointed at it, gives no work', async (t) => {
    const { node, role, runner, requester, store } = await openPair(t, { legacyPeers: 'loopback' })
    await requester.ask(node, ask('e-1'))
    const { json } = await requester.next(onBidComplete)
    assert.deepEqual([json['Accepted'], json['Reason']], [false, 'this node takes no work of this requester'])
    await requester.ask(node, ask('e-2', { approval: false }))
    assert.match(String((await requester.next(onComputeFailure)).json['Err']), /^Job rejected: this node takes no work/)
    const large = ask('e-3', { Engine: { Type: 'noop', Params: { large: 'x'.repeat(1_100_000) } } })
    await assert.rejects(requester.ask(node, large), /reset/)
    await assert.rejects(requester.cancel(node, 'e-1'), /reset/)
    assert.deepEqual([role.peers(), runner.asked, await store.range('go-taken', { limit: 9 })], [[], 0, []])
    role.connected(requester.peer)
    await requester.ask(node, ask('e-1'))
    assert.equal((await requester.next(onBidComplete)).json['Accepted'], true)
    role.disconnected(requester.peer)
    await assert.rejects(requester.accept(node, 'e-1'), /reset/)
    assert.deepEqual(runner.begun, [])
  })

  test('where none is trusted, one on this machine is not either', async (t) => {
    const { node, role, requester } = await openPair(t, { legacyPeers: 'none' })
    role.connected(requester.peer)
    await assert.rejects(requester.ask(node, ask('e-1')), /reset/)
  })

  test('nobody speaks for another one, and executions are of those who asked', async (t) => {
    const { host, node, runner, requester, store } = await openPair(t)
    const stranger = await scriptGoRequester(await loopbackHost(t))
    await connect(stranger.host, host)
    const forged = { SourcePeerID: requester.peer, TargetPeerID: node }
    await assert.rejects(stranger.call(node, GO_PROTOCOLS.askForBid, { ...forged, ...ask('e-0') }), /reset/)
    await requester.ask(node, ask('e-1'))
    await requester.next(onBidComplete)
    const none = '{"Response":{"ExecutionID":"","JobID":""},"Error":"execution not found: e-1"}\n'
    for (const call of [stranger.accept, stranger.reject, stranger.cancel]) assert.equal(await call(node, 'e-1'), none)
    assert.match(await stranger.ask(node, ask('e-1')), /"Error":"the execution id is none, or taken"/)
    await requester.accept(node, 'e-1')
    await until(() => runner.running.length === 1)
    assert.equal(await stranger.cancel(node, 'e-1'), none)
    assert.equal(runner.order('e-1').orchestrator, requester.peer)
    assert.equal((await store.range('go-taken', { limit: 9 })).length, 1)
    assert.deepEqual(stranger.told, [])
  })
})

describe('what breaks', { timeout: 30_000 }, () => {
  test('a report waits for its requester, is told to it where it listens, and the stop waits for it', async (t) => {
    const { host, node, runner, requester, stop } = await openPair(t)
    await requester.ask(node, ask('e-1'))
    await requester.next(onBidComplete)
    await requester.accept(node, 'e-1')
    await until(() => runner.running.length === 1)
    await requester.host.hangUp(host.peerId)
    await until(() => host.getConnections().length === 0)
    runner.end('e-1')
    await requester.next(onRunComplete)
    await stop()
  })

  test('a node that comes back goes on where it was: bids, orders, ends, each told once more where that is needed', async (t) => {
    const benches = opened(t)
    const [host, far] = await Promise.all([loopbackHost(t), loopbackHost(t)])
    const requester = await scriptGoRequester(far)
    const first = await openNode(benches, { host })
    const { node, store } = first
    await connect(host, far)
    for (const id of ['e-bid', 'e-run', 'e-gone']) {
      await requester.ask(node, ask(id))
      await requester.next(onBidComplete)
    }
    await requester.accept(node, 'e-run')
    await requester.accept(node, 'e-gone')
    await until(() => first.runner.running.length === 2)
    await requester.cancel(node, 'e-gone')
    await requester.next(onCancelComplete)
    await first.stop()

    const second = await openNode(benches, { host, store })
    assert.equal((await requester.next(onBidComplete)).json['ExecutionID'], 'e-bid')
    await until(() => second.runner.running.length === 1)
    assert.deepEqual(second.runner.begun, ['e-run'], 'it is run again, and what was cancelled is not')
    second.runner.end('e-run')
    assert.equal((await requester.next(onRunComplete)).json['ExecutionID'], 'e-run')
    await requester.accept(node, 'e-bid')
    await until(() => second.runner.running.length === 1)
    second.runner.end('e-bid')
    assert.equal((await requester.next(onRunComplete)).json['ExecutionID'], 'e-bid')
    await second.stop()
    assert.deepEqual(await store.range('go-taken', { limit: 9 }), [])
    assert.deepEqual(await store.range('held', { limit: 9 }), [])
  })

  test('an end that could not be told before the stop is told after the next start, at the address of then', async (t) => {
    const benches = opened(t)
    const [host, far] = await Promise.all([loopbackHost(t), loopbackHost(t)])
    const requester = await scriptGoRequester(far)
    const first = await openNode(benches, { host })
    const { node, store } = first
    await connect(host, far)
    await requester.ask(node, ask('e-1'))
    await requester.next(onBidComplete)
    await requester.accept(node, 'e-1')
    await until(() => first.runner.running.length === 1)
    await far.unhandle(onRunComplete)
    first.runner.end('e-1')
    await until(() => first.compute.running() === 0)
    await first.stop()
    await host.hangUp(far.peerId)

    const again = await scriptGoRequesterOn(far)
    await openNode(benches, { host, store })
    assert.equal((await again()).json['ExecutionID'], 'e-1')
  })

  async function scriptGoRequesterOn(host: Libp2p) {
    for (const protocol of Object.values(GO_PROTOCOLS)) await host.unhandle(protocol)
    const requester: ScriptedGoRequester = await scriptGoRequester(host)
    return () => requester.next(onRunComplete)
  }
})
