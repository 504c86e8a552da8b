import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { reportMessageSchema } from '@bacalhau/models'
import fc from 'fast-check'
import { silentLogger } from '../../../runtime/logger.ts'
import { arriving, goStream, goTell, loopbackHost } from '../fixtures/go-host.ts'
import { nodeHost, requesterBench, wasmJob } from '../fixtures/requester-bench.ts'
import { GO_PROTOCOLS } from '../wire/protocols.ts'
import type { AskedEvent } from './asked.ts'
import { serveGoCallbacks } from './callbacks.ts'

const CALLBACKS = [
  'onBidComplete',
  'onRunComplete',
  'onPublishComplete',
  'onCancelComplete',
  'onComputeFailure',
] as const

/** A host that takes callbacks, a peer of it, and what was made of them. */
async function listening(t: Parameters<typeof loopbackHost>[0], admits = true) {
  const ours = await loopbackHost(t)
  const told: { peer: string; executionId: string; event: AskedEvent }[] = []
  let heard = Promise.withResolvers<void>()
  const desk = {
    tell(peer: string, executionId: string, event: AskedEvent) {
      told.push({ peer, executionId, event })
      heard.resolve()
    },
  }
  await serveGoCallbacks(ours, desk, { logger: silentLogger, admits: () => admits })
  const node = await nodeHost(t, { ours })
  const routing = { SourcePeerID: node.peerId.toString(), TargetPeerID: ours.peerId.toString(), JobID: 'j-1' }
  const tell = (callback: keyof typeof GO_PROTOCOLS, message: string | object) =>
    goTell(node, ours.peerId.toString(), GO_PROTOCOLS[callback], message)
  return {
    ours,
    node,
    routing,
    told,
    tell,
    /** What comes of this callback. */
    event: async (callback: keyof typeof GO_PROTOCOLS, message: object): Promise<AskedEvent | undefined> => {
      heard = Promise.withResolvers()
      await tell(callback, { ...routing, ExecutionID: 'e-1', ...message })
      await heard.promise
      return told.at(-1)?.event
    },
  }
}

describe('callbacks of Go nodes', () => {
  test('are read as Go reads: keys in any case, null and absent fields as nothing', async (t) => {
    const { event } = await listening(t)
    assert.deepEqual(await event('onBidComplete', { accepted: true, REASON: null }), {
      type: 'bid',
      accepted: true,
      reason: '',
    })
    const nothing = {
      Stdout: '',
      StdoutTruncated: false,
      stderr: '',
      StderrTruncated: false,
      ExitCode: 0,
      ErrorMsg: '',
    }
    for (const message of [{}, { PublishResult: null, RunCommandResult: null }]) {
      assert.deepEqual(await event('onRunComplete', message), { type: 'ran', output: nothing, result: { Type: '' } })
    }
    assert.deepEqual(await event('onCancelComplete', { Extra: [{}] }), { type: 'stopped' })
    assert.deepEqual(await event('onComputeFailure', { err: 'é <&>' }), { type: 'failed', error: 'é <&>' })
  })

  test('carry the head of the output only, and an exit code where the program gave one', async (t) => {
    const { event } = await listening(t)
    const RunCommandResult = {
      Stdout: 'x'.repeat(5_000),
      stderr: 'e',
      ExitCode: 7,
      ErrorMsg: '',
      StdoutTruncated: false,
    }
    const ran = await event('onRunComplete', { RunCommandResult })
    assert.ok(ran?.type === 'ran')
    const { output } = ran
    assert.deepEqual([output?.Stdout.length, output?.StdoutTruncated, output?.ExitCode], [2_048, true, 7])
    const left = await event('onRunComplete', { RunCommandResult: { ExitCode: -1, ErrorMsg: 'killed' } })
    assert.equal(left?.type === 'ran' && left.output?.ExitCode, -1)
  })

  test('name results in our terms', async (t) => {
    const { event } = await listening(t)
    const result = async (PublishResult: object) => {
      const ran = await event('onRunComplete', { PublishResult })
      return ran?.type === 'ran' ? ran.result : undefined
    }
    const s3 = { Type: 's3', Params: { Bucket: 'b', Key: 'k/e-1.tar.gz', Region: 'eu' } }
    assert.deepEqual(await result(s3), s3)
    const url = (URL: string) => ({ Type: 'urlDownload', Params: { URL } })
    assert.deepEqual(await result(url('http://public:6001/e.tgz')), url('http://127.0.0.1:6001/e.tgz'))
    assert.deepEqual(await result(url('http://192.0.2.7:6001/e.tgz')), url('http://192.0.2.7:6001/e.tgz'))
    assert.deepEqual(await result(url('no url')), url('no url'))
    const much = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`key${index}`, 'x']))
    const bounded = await result({ Type: 'x'.repeat(999), Params: { ...much, long: 'x'.repeat(99_999), deep: [{}] } })
    assert.deepEqual([bounded?.Type.length, Object.keys(bounded?.Params ?? {}).length], [64, 32])
    const legacy = async (PublishResult: object) => {
      const published = await event('onPublishComplete', { PublishResult })
      return published?.type === 'published' ? published.result : undefined
    }
    assert.deepEqual(await legacy({ StorageSource: 'Estuary', CID: 'Qm1' }), { Type: 'ipfs', Params: { CID: 'Qm1' } })
    assert.deepEqual(await legacy({ StorageSource: 'URLDownload', URL: 'http://public/x' }), url('http://127.0.0.1/x'))
    assert.deepEqual(await legacy({ StorageSource: 'S3', S3: { Bucket: 'b', Key: 'k', Checksum: 'c' } }), {
      Type: 's3',
      Params: { Bucket: 'b', Key: 'k', ChecksumSHA256: 'c' },
    })
    assert.deepEqual(await legacy({}), { Type: '' })
  })

  test('count only from the peer that they name, and for this node', async (t) => {
    const { told, tell, routing, event } = await listening(t)
    const message = { ...routing, ExecutionID: 'e-1', Err: 'forged' }
    await tell('onComputeFailure', { ...message, SourcePeerID: routing.TargetPeerID })
    await tell('onComputeFailure', { ...message, TargetPeerID: routing.SourcePeerID })
    await event('onCancelComplete', {})
    assert.deepEqual(
      told.map(({ event: { type } }) => type),
      ['stopped'],
    )
  })

  test('of a peer that is not trusted are not even read', async (t) => {
    const { told, routing, node, ours } = await listening(t, false)
    const stream = await goStream(node, ours.peerId.toString(), GO_PROTOCOLS.onCancelComplete)
    const { end } = arriving(stream)
    const message = Buffer.from(JSON.stringify({ ...routing, ExecutionID: 'e-1' }))
    if (stream.writeStatus === 'writable') stream.send(message)
    assert.equal(await end, 'reset')
    assert.deepEqual(told, [])
  })
})

describe('whatever comes on the streams for callbacks', () => {
  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom<unknown>(null, true, 1.5, -1, 2 ** 60, '', 'e-own', 'e-1', 'Qm', '\u0000'),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(
        fc.constantFrom('ExecutionID', 'Type', 'Params', 'PublishResult', 'RunCommandResult', 'URL', 'S3'),
        tie('any'),
        { maxKeys: 4 },
      ),
    ),
  })).any
  const text = fc.oneof(
    fc
      .dictionary(
        fc.constantFrom('ExecutionID', 'Accepted', 'Reason', 'Err', 'PublishResult', 'RunCommandResult'),
        value,
      )
      .map((fields) => ({ fields })),
    fc.constantFrom('{', '[]', '{"a":', '"x"', '{}{}', '{"SourcePeerID":1}', '\u0000', '{'.repeat(100)),
    fc.string(),
  )

  test('breaks nothing, and ends an execution once at most', async (t) => {
    const bench = await requesterBench(t)
    const node = await nodeHost(t, bench)
    const peer = node.peerId.toString()
    const orchestrator = await bench.present(peer)
    // The asks fail, and are tried again for longer than this test lasts.
    orchestrator.offer('e-own', wasmJob())
    const routing = { SourcePeerID: peer, TargetPeerID: bench.ours.peerId.toString() }
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...CALLBACKS), text, async (callback, message) => {
        const sent = typeof message === 'string' ? message : JSON.stringify({ ...message.fields, ...routing })
        await goTell(node, bench.ours.peerId.toString(), GO_PROTOCOLS[callback], sent).catch(() => undefined)
        assert.equal(orchestrator.ended, undefined)
      }),
      { numRuns: 60 },
    )
    for (const report of orchestrator.reports) assert.ok(reportMessageSchema.safeParse(report).success)
    const last = orchestrator.reports.filter(({ type }) => type !== 'accepted' && type !== 'progress')
    assert.ok(last.length <= 1)
    assert.ok(bench.ours.getPeers().some((known) => known.toString() === peer))
  })
})
