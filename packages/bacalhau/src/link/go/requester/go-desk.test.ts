import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EXECUTION_STATES } from '@bacalhau/models'
import { handClock } from '../../../network/fixtures/hand-clock.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { createMemoryStore } from '../../../store/memory.ts'
import { sampleNode, sampleOffer } from '../../fixtures/samples.ts'
import { BacalhauError } from '../../../runtime/error.ts'
import { startGoComputeNode, type GoComputeScript } from '../fixtures/go-compute-node.ts'
import { loopbackHost } from '../fixtures/go-host.ts'
import { nodeHost, requesterBench, type RequesterBench, wasmJob } from '../fixtures/requester-bench.ts'
import type { GoCaller } from './caller.ts'
import { GoDesk } from './go-desk.ts'

async function nodeOf(t: Parameters<typeof nodeHost>[0], bench: RequesterBench, script: GoComputeScript = {}) {
  return startGoComputeNode(await nodeHost(t, bench), bench.ours.peerId.toString(), script)
}

/** The rows of the table, by what they say. */
async function phases({ store }: Pick<RequesterBench, 'store'>): Promise<Record<string, unknown>> {
  const rows = await store.range('go-asked', { limit: 100 })
  return Object.fromEntries(rows.map(({ key, value }) => [key, (value as { phase: string }).phase]))
}

const callsTo = (node: { readonly requests: readonly { readonly call: string }[] }) =>
  node.requests.map(({ call }) => call)

describe('work for Go compute nodes', () => {
  for (const hasty of [false, true]) {
    test(`is asked, bid on, accepted and done, ${hasty ? 'with callbacks before the answers' : 'step by step'}`, async (t) => {
      const bench = await requesterBench(t)
      const publish = { Type: 'urlDownload', Params: { URL: 'http://public:6001/e-1.tgz' } }
      const node = await nodeOf(t, bench, { hasty, ending: () => ({ publish }) })
      const orchestrator = await bench.present(node.peer)
      orchestrator.offer('e-1')
      assert.deepEqual(await orchestrator.last('e-1'), {
        type: 'completed',
        executionId: 'e-1',
        // A module that simply returns has the exit code -1 there.
        output: {
          Stdout: 'hi\n',
          StdoutTruncated: false,
          stderr: '',
          StderrTruncated: false,
          ExitCode: 0,
          ErrorMsg: '',
        },
        result: { Type: 'urlDownload', Params: { URL: 'http://127.0.0.1:6001/e-1.tgz' } },
      })
      assert.deepEqual([callsTo(node), node.crashes], [['askForBid', 'bidAccepted'], []])
      assert.deepEqual(orchestrator.acks, [1])
    })
  }

  test('goes to v1.0.3 with its step of verification', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { generation: 'b' })
    const orchestrator = await bench.present(node.peer, 'b')
    orchestrator.offer('e-1', wasmJob({}, { Publisher: { Type: 'ipfs' } }))
    const last = await orchestrator.last('e-1')
    assert.deepEqual(last.type === 'completed' && [last.output?.Stdout, last.result], [
      'hi\n',
      { Type: 'ipfs', Params: { CID: 'QmResult' } },
    ])
    assert.deepEqual([callsTo(node), node.crashes], [['askForBid', 'bidAccepted', 'resultAccepted'], []])
    assert.deepEqual(
      orchestrator.of('e-1').map(({ type }) => type),
      ['accepted', 'progress', 'progress', 'completed'],
    )
  })

  test('fails, times out or is refused with the words of the node', async (t) => {
    const bench = await requesterBench(t)
    const endings = {
      bad: { error: 'execution error: no magic' },
      slow: 'timeout',
      full: { refuse: 'this node does not have capacity to run the job (..)' },
      big: { refuse: 'this node does not run jobs that require this many resources' },
    } as const
    const node = await nodeOf(t, bench, { ending: (name) => endings[name as keyof typeof endings] })
    const orchestrator = await bench.present(node.peer)
    for (const name of Object.keys(endings)) orchestrator.offer(`e-${name}`, wasmJob({ Name: name }))
    const [bad, slow, full, big] = await Promise.all(Object.keys(endings).map((name) => orchestrator.last(`e-${name}`)))
    assert.deepEqual(bad, {
      type: 'failed',
      executionId: 'e-bad',
      code: 'JobFailed',
      message: 'execution error: no magic',
    })
    assert.equal(slow?.type === 'failed' && slow.code, 'ExecutionTimeout')
    assert.deepEqual(full?.type === 'refused' && full.later, true)
    assert.deepEqual(big?.type === 'refused' && big.later, false)
  })

  test('is refused for later when the node has no room at the acceptance, once, though it says so twice', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { room: 1, ending: () => 'running' })
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    await orchestrator.until(() => orchestrator.of('e-1').length === 2)
    orchestrator.offer('e-2')
    assert.deepEqual(await orchestrator.last('e-2'), {
      type: 'refused',
      executionId: 'e-2',
      reason: 'not enough capacity to enqueue job',
      later: true,
    })
    await node.end('e-1', {})
    await orchestrator.last('e-1')
    assert.equal(orchestrator.of('e-2').length, 1)
  })

  test('that a Go node has no words for is refused for good, without a call', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench)
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1', wasmJob({}, { Network: { Type: 'Bridge' } }))
    const last = await orchestrator.last('e-1')
    assert.deepEqual(last.type === 'refused' && [last.later, last.reason], [
      false,
      'cannot do ports, or a network of its own',
    ])
    assert.deepEqual(node.requests, [])
  })

  test('whose inline data are lost is refused', async (t) => {
    const restore = async () => {
      throw new BacalhauError('InlineDataLost', 'the data are gone')
    }
    const bench = await requesterBench(t, { restore })
    const node = await nodeOf(t, bench)
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    const last = await orchestrator.last('e-1')
    assert.deepEqual(last.type === 'refused' && last.reason, 'the data are gone')
  })

  test('with a module of megabytes goes through', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench)
    const URL = `data:application/wasm;base64,${Buffer.alloc(6_000_000, 7).toString('base64')}`
    const InputSources = [{ Source: { Type: 'inline', Params: { URL } }, Alias: '', Target: '/wasm/entry.wasm' }]
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1', wasmJob({}, { InputSources }))
    assert.equal((await orchestrator.last('e-1')).type, 'completed')
    assert.ok((node.requests[0]?.text.length ?? 0) > 8_000_000)
  })
})

describe('stopping what a Go node runs', () => {
  test('cancels it there and says nothing more of it', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { ending: () => 'running' })
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    await orchestrator.until(() => orchestrator.of('e-1').length === 2)
    orchestrator.cancel('e-1')
    orchestrator.offer('e-2')
    await orchestrator.until(() => orchestrator.of('e-2').length === 2)
    assert.equal(node.executions.get('e-1')?.state, 'Cancelled')
    assert.equal(orchestrator.of('e-1').length, 2)
    assert.deepEqual(await phases(bench), { 'e-2': 'running' })
  })

  test('before the bid rejects the bid', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench)
    const orchestrator = await bench.present(node.peer)
    // Both are decided before the ask has gone out.
    orchestrator.offer('e-1')
    orchestrator.cancel('e-1')
    orchestrator.offer('e-2')
    await orchestrator.last('e-2')
    assert.ok(!callsTo(node).includes('resultAccepted'))
    assert.notEqual(node.executions.get('e-1')?.state, 'Completed')
  })
})

describe('what a Go node does not say again', () => {
  test('is asked for: a lost callback is found, and the run counts as lost', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { ending: () => 'silent' })
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    await orchestrator.until(() => orchestrator.of('e-1').length === 2)
    const asked = () => callsTo(node).filter((call) => call === 'bidAccepted').length
    await bench.clock.advance(LIMITS.goSilence + LIMITS.goLook)
    await until(() => asked() === 2)
    // Its callback may be on the way: once is not enough.
    assert.equal(orchestrator.of('e-1').length, 2)
    await until(async () =>
      JSON.stringify(await bench.store.range('go-asked', { limit: 9 })).includes('"ended":"Completed"'),
    )
    await bench.clock.advance(LIMITS.goPatience + LIMITS.goLook)
    assert.deepEqual(await orchestrator.last('e-1'), {
      type: 'cancelled',
      executionId: 'e-1',
      message: 'the run completed, and the report of what it made was lost',
    })
  })

  test('is asked for again and again while it runs, and does no harm', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { ending: () => 'running' })
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    await orchestrator.until(() => orchestrator.of('e-1').length === 2)
    for (let round = 2; round < 5; round++) {
      await bench.clock.advance(LIMITS.goSilence + LIMITS.goLook)
      await until(() => callsTo(node).filter((call) => call === 'bidAccepted').length >= round)
    }
    assert.equal(orchestrator.of('e-1').length, 2)
    await node.end('e-1', {})
    assert.equal((await orchestrator.last('e-1')).type, 'completed')
  })

  test('survives a restart of this node: what is out is held, what has ended is said again until it is acknowledged', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { ending: (name) => (name === 'long' ? 'running' : {}) })
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-long', wasmJob({ Name: 'long' }))
    orchestrator.offer('e-short', wasmJob({ Name: 'short' }))
    await orchestrator.last('e-short')
    await orchestrator.until(() => orchestrator.of('e-long').length === 2)
    const later = await bench.restart()
    const again = await later.present(node.peer)
    assert.deepEqual(again.hello?.held, [
      { executionId: 'e-long', state: EXECUTION_STATES.Running },
      { executionId: 'e-short', state: EXECUTION_STATES.Completed },
    ])
    assert.equal((await again.last('e-short')).type, 'completed')
    again.acknowledge()
    await node.end('e-long', {})
    assert.equal((await again.last('e-long')).type, 'completed')
    again.acknowledge()
    await until(async () => Object.keys(await phases(later)).length === 0)
  })

  test('that ended while this node was away is found when it is back', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { ending: () => 'running' })
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    await orchestrator.until(() => orchestrator.of('e-1').length === 2)
    node.forget()
    const later = await bench.restart()
    const again = await later.present(node.peer)
    assert.deepEqual(await again.last('e-1'), {
      type: 'cancelled',
      executionId: 'e-1',
      message: 'the node was restarted and does not know the run any more',
    })
  })

  test('of an ask that a crash interrupted, nothing is held and the node is told to drop it', async (t) => {
    const never: GoCaller = ({ call }, signal) =>
      call !== 'ask'
        ? Promise.resolve(undefined)
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    const bench = await requesterBench(t, { call: never })
    const orchestrator = await bench.present('QmFar')
    orchestrator.offer('e-1')
    await until(async () => (await phases(bench))['e-1'] === 'asking')
    const later = await bench.restart()
    const again = await later.present('QmFar')
    assert.deepEqual(again.hello?.held, [])
    await until(async () => Object.keys(await phases(later)).length === 0)
  })
})

describe('a Go node that cannot be reached', () => {
  test('and never comes back is forgotten with all that it had, after a month', async (t) => {
    const [clock, store] = [handClock(), createMemoryStore()]
    let ahead = 0
    const desk = await GoDesk.open({
      store,
      clock: { ...clock, monotonic: () => clock.monotonic() + ahead },
      logger: silentLogger,
      call: async () => undefined,
      restore: async (job) => job,
    })
    t.after(() => desk.stop())
    desk.enter({ peerId: 'QmFar', generation: 'c', version: 'v1.2.3', info: sampleNode('QmFar') })
    desk.take('QmFar', 'c', [sampleOffer('e-1')], () => undefined)
    const left = async () => Promise.all([store.range('go-asked', { limit: 2 }), store.range('go-node', { limit: 2 })])
    await until(async () => (await phases({ store }))['e-1'] === 'bidding')
    ahead = LIMITS.goMemory - LIMITS.goLook
    await clock.advance(LIMITS.goLook)
    assert.deepEqual(
      (await left()).map(({ length }) => length),
      [1, 1],
    )
    ahead += LIMITS.goLook
    await clock.advance(2 * LIMITS.goLook)
    assert.deepEqual(
      (await left()).map(({ length }) => length),
      [0, 0],
    )
  })

  test('is asked three times, then the offer is refused for later', async (t) => {
    let asked = 0
    const call: GoCaller = async ({ peer }) => {
      asked += 1
      throw new BacalhauError('PeerUnreachable', `no way to ${peer}`)
    }
    const bench = await requesterBench(t, { call })
    const orchestrator = await bench.present('QmFar')
    orchestrator.offer('e-1')
    for (let tries = 1; tries <= LIMITS.goAsks; tries++) {
      await until(() => asked === tries)
      await bench.clock.advance(LIMITS.goAskPause)
    }
    const last = await orchestrator.last('e-1')
    assert.deepEqual(last.type === 'refused' && [last.later, asked], [true, LIMITS.goAsks])
  })

  test('gets at most so many calls at a time', async (t) => {
    const waiting: (() => void)[] = []
    let most = 0
    const call: GoCaller = async () => {
      await new Promise<void>((resolve) => waiting.push(resolve))
      return 'no'
    }
    const bench = await requesterBench(t, { call })
    const orchestrator = await bench.present('QmFar')
    const ids = Array.from({ length: 20 }, (_, index) => ({ id: `e-${index}`, partition: index }))
    orchestrator.order({
      type: 'offer',
      job: wasmJob({ Count: 20 }),
      resources: { CPU: 1, Memory: 1, Disk: 0, GPU: 0 },
      executions: ids,
    })
    for (let done = 0; done < ids.length;) {
      await until(() => waiting.length > 0)
      most = Math.max(most, waiting.length)
      waiting.shift()?.()
      done += 1
    }
    await orchestrator.until(() => orchestrator.reports.length === ids.length)
    assert.equal(most, LIMITS.goCallsAtOnce)
  })
})

describe('a peer that speaks of what is not its own', () => {
  test('changes nothing: neither under another name, nor of executions that another node was asked for', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench, { ending: () => 'running' })
    const thief = await nodeOf(t, bench)
    const orchestrator = await bench.present(node.peer)
    const other = await bench.present(thief.peer)
    orchestrator.offer('e-1')
    await orchestrator.until(() => orchestrator.of('e-1').length === 2)
    const forged = { TargetPeerID: bench.ours.peerId.toString(), ExecutionID: 'e-1', JobID: 'j', Err: 'forged' }
    await thief.tell('onComputeFailure', { ...forged, SourcePeerID: node.peer })
    await thief.tell('onComputeFailure', { ...forged, SourcePeerID: thief.peer })
    // Callbacks of one peer may overtake each other; an order of its own comes after them in any case.
    other.offer('e-2')
    await other.last('e-2')
    assert.equal(orchestrator.of('e-1').length, 2)
    await node.end('e-1', { stdout: 'true' })
    const last = await orchestrator.last('e-1')
    assert.equal(last.type === 'completed' && last.output?.Stdout, 'true')
  })

  test('says the same end twice and another one after it: the first counts', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench)
    const orchestrator = await bench.present(node.peer)
    orchestrator.offer('e-1')
    await orchestrator.last('e-1')
    const routing = {
      SourcePeerID: node.peer,
      TargetPeerID: bench.ours.peerId.toString(),
      ExecutionID: 'e-1',
      JobID: 'j',
    }
    await node.tell('onRunComplete', { ...routing, PublishResult: null, RunCommandResult: null })
    await node.tell('onComputeFailure', { ...routing, Err: 'late' })
    orchestrator.offer('e-2')
    await orchestrator.last('e-2')
    assert.equal(orchestrator.of('e-1').filter(({ type }) => type === 'completed' || type === 'failed').length, 1)
  })

  test('bids on what it was not asked for and is rejected', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench)
    await bench.present(node.peer)
    const routing = { SourcePeerID: node.peer, TargetPeerID: bench.ours.peerId.toString() }
    await node.tell('onBidComplete', { ...routing, ExecutionID: 'e-old', JobID: 'j', Accepted: true, Reason: '' })
    await until(() => callsTo(node).includes('bidRejected'))
  })
})

describe('the channel of a Go node', () => {
  test('gives reports only to an orchestrator that has approved the node', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeOf(t, bench)
    const orchestrator = await bench.present(node.peer)
    orchestrator.channel.send({ type: 'welcome', membership: 'PENDING', message: '', storeGeneration: 'ours' })
    orchestrator.offer('e-1')
    await until(async () => (await phases(bench))['e-1'] === 'over')
    assert.deepEqual(orchestrator.reports, [])
    orchestrator.channel.send({ type: 'welcome', membership: 'APPROVED', message: '', storeGeneration: 'ours' })
    assert.equal((await orchestrator.last('e-1')).type, 'completed')
  })

  test('beats while the node is there, tells what it says anew, and ends with the reason', async (t) => {
    const bench = await requesterBench(t)
    const host = await loopbackHost(t)
    const orchestrator = await bench.present(host.peerId.toString())
    await bench.clock.advance(LIMITS.linkHeartbeat)
    assert.deepEqual(orchestrator.beats, [{ type: 'heartbeat' }])
    orchestrator.channel.end(new Error('gone'))
    orchestrator.offer('e-1')
    assert.equal(orchestrator.ended?.error?.message, 'gone')
    assert.deepEqual(await phases(bench), {})
  })
})

/** Resolves when `condition` holds; looks each time something else has had its turn. */
async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setImmediate(resolve))
}
