import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { isBacalhauError } from '../../../runtime/error.ts'
import { LIMITS } from '../../../runtime/limits.ts'
import { createLogger } from '../../../runtime/logger.ts'
import { arriving, connect, dial, goCall, goStream, goTell, loopbackHost, onGoMessage } from '../fixtures/go-host.ts'
import { executionResponseSchema, NO_EXECUTION, onBidCompleteSchema, orderSchema } from './messages.ts'
import { GO_PROTOCOLS } from './protocols.ts'
import { callGo, sendCallback, serveCallback, serveRpc } from './rpc.ts'

const logger = createLogger('silent')
const open = { logger, admits: () => true }

async function pair(t: TestContext) {
  const [us, go] = await Promise.all([loopbackHost(t), loopbackHost(t)])
  await connect(go, us)
  const [here, there] = [us.peerId.toString(), go.peerId.toString()]
  return {
    us,
    go,
    here,
    there,
    order: { SourcePeerID: there, TargetPeerID: here, ExecutionID: 'e-1', Justification: '<x>' },
  }
}

const echo = ({ ExecutionID }: { ExecutionID: string }) => Promise.resolve({ ExecutionID, JobID: 'j' })
const { cancel, onBidComplete } = GO_PROTOCOLS

describe('calls of Go', () => {
  test('are answered while the caller keeps its side open, in the envelope, with a line feed', async (t) => {
    const { us, go, here, order } = await pair(t)
    await serveRpc(us, cancel, orderSchema, NO_EXECUTION, echo, open)
    const { text } = await goCall(go, here, cancel, order)
    assert.equal(text, '{"Response":{"ExecutionID":"e-1","JobID":"j"},"Error":""}\n')
  })

  test('what a handler refuses is told in words, with zero values', async (t) => {
    const { us, go, here, order } = await pair(t)
    await serveRpc(
      us,
      cancel,
      orderSchema,
      NO_EXECUTION,
      () => Promise.reject(new Error('execution not found: <e>')),
      open,
    )
    const { text } = await goCall(go, here, cancel, order)
    assert.equal(text, '{"Response":{"ExecutionID":"","JobID":""},"Error":"execution not found: \\u003ce\\u003e"}\n')
  })

  test('a hundred at a time, of every size', async (t) => {
    const { us, go, here, order } = await pair(t)
    await serveRpc(us, cancel, orderSchema, NO_EXECUTION, echo, open)
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        goCall(go, here, cancel, { ...order, ExecutionID: `e-${index}`, Justification: 'é'.repeat(index * 1000) }),
      ),
    )
    assert.deepEqual(
      answers.map(({ value }) => (value as { Response: unknown }).Response),
      answers.map((_, index) => ({ ExecutionID: `e-${index}`, JobID: 'j' })),
    )
  })

  test('strangers, those who speak for others, those who mean others and noise are cut off, and nothing is handled', async (t) => {
    const { us, go, here, order } = await pair(t)
    let handled = 0
    const count = (request: { ExecutionID: string }) => ((handled += 1), echo(request))
    let admitted = false
    await serveRpc(us, cancel, orderSchema, NO_EXECUTION, count, { logger, admits: () => admitted })
    await assert.rejects(goCall(go, here, cancel, order), /reset/)
    admitted = true
    const wrong = [
      { ...order, SourcePeerID: here },
      { ...order, SourcePeerID: '' },
      { ...order, TargetPeerID: order.SourcePeerID },
      { ...order, ExecutionID: 7 },
      '[]',
      '{"a":}',
      'x',
      '{'.repeat(100),
      '{"a":'.repeat(100),
    ]
    for (const request of wrong)
      await assert.rejects(goCall(go, here, cancel, request), /reset/, JSON.stringify(request))
    assert.equal(handled, 0)
    await goCall(go, here, cancel, order)
    assert.equal(handled, 1, 'and the next one is served')
  })

  test('a message without end is cut off at its bound', async (t) => {
    const { us, go, here } = await pair(t)
    await serveRpc(us, cancel, orderSchema, NO_EXECUTION, echo, open)
    const stream = await goStream(go, here, cancel)
    const arrived = arriving(stream)
    const chunk = Buffer.alloc(64 * 1024, 'x')
    stream.send(Buffer.from('{"a":"'))
    const feed = async () => {
      for (let sent = 0; sent < 400 && stream.status === 'open'; sent++) {
        stream.send(chunk)
        await stream.onDrain()
      }
    }
    await feed().catch(() => undefined)
    assert.equal(await arrived.end, 'reset')
  })

  test(
    'strangers have little room, all of them together, and take none of the others',
    { timeout: 30_000 },
    async (t) => {
      const { us, go, here, order } = await pair(t)
      const strangers = await Promise.all([loopbackHost(t), loopbackHost(t)])
      await serveRpc(us, cancel, orderSchema, NO_EXECUTION, echo, {
        ...open,
        isStranger: ({ peer }) => strangers.some(({ peerId }) => peerId.toString() === peer),
      })
      const begin = Buffer.from(`{"a":"${'x'.repeat(LIMITS.goStranger - 10)}`)
      const ends: Promise<string>[] = []
      for (const stranger of strangers) {
        await connect(stranger, us)
        // Each could have so many alone.
        for (let begun = 0; begun <= LIMITS.goStrangers / LIMITS.goStranger / 2; begun++) {
          const stream = await goStream(stranger, here, cancel)
          ends.push(arriving(stream).end)
          stream.send(begin)
        }
      }
      assert.equal(await Promise.race(ends), 'reset')
      await goCall(go, here, cancel, { ...order, Justification: 'x'.repeat(2 * LIMITS.goStranger) })
    },
  )
})

describe('calls to Go', () => {
  test('give the answer, or the words of a refusal', async (t) => {
    const { us, go, there, here } = await pair(t)
    await go.handle(cancel, (stream) => {
      void arriving(stream).first.then(async (request) => {
        const id = (request as { executionid?: string; ExecutionID: string }).ExecutionID
        const [answer, error] = id === 'e-1' ? [{ executionid: id, JOBID: 'j' }, ''] : [NO_EXECUTION, 'no such thing']
        stream.send(Buffer.from(`${JSON.stringify({ Response: answer, Error: error })}\n`))
        await stream.close()
      })
    })
    const call = (ExecutionID: string) =>
      callGo(us, there, cancel, { SourcePeerID: here, TargetPeerID: there, ExecutionID }, executionResponseSchema)
    assert.deepEqual(await call('e-1'), { ok: true, response: { ExecutionID: 'e-1', JobID: 'j' } })
    assert.deepEqual(await call('e-2'), { ok: false, error: 'no such thing' })
  })

  test('fail when the node resets, does not speak so, or the caller gives up', async (t) => {
    const { us, go, there } = await pair(t)
    const call = (signal?: AbortSignal) => callGo(us, there, cancel, {}, executionResponseSchema, signal)
    await assert.rejects(call(), /does not speak/)
    await go.handle(cancel, (stream) => stream.abort(new Error('undecodable')))
    await assert.rejects(call(), (error) => isBacalhauError(error) && error.code === 'PeerUnreachable')
    await go.unhandle(cancel)
    const taken = Promise.withResolvers<void>()
    await go.handle(cancel, () => taken.resolve())
    const abort = new AbortController()
    const calling = call(abort.signal)
    await taken.promise
    abort.abort(new Error('enough'))
    await assert.rejects(calling, /enough/)
  })
})

describe('callbacks', () => {
  const message = (there: string, here: string) => ({
    SourcePeerID: there,
    TargetPeerID: here,
    ExecutionID: 'e-1',
    JobID: 'j',
    Accepted: true,
    Reason: '',
  })

  test('of Go are taken, also when the connection is as young as can be', async (t) => {
    const [us, go] = await Promise.all([loopbackHost(t), loopbackHost(t)])
    const told = Promise.withResolvers<unknown>()
    await serveCallback(us, onBidComplete, onBidCompleteSchema, told.resolve, open)
    const sent = message(go.peerId.toString(), us.peerId.toString())
    await dial(go, us)
    await goTell(go, us.peerId.toString(), onBidComplete, sent)
    assert.deepEqual(await told.promise, sent)
  })

  test('of Go arrive one and all, a new connection each', async (t) => {
    const us = await loopbackHost(t)
    const go = await loopbackHost(t)
    let taken = 0
    await serveCallback(us, onBidComplete, onBidCompleteSchema, () => (taken += 1), open)
    const sent = message(go.peerId.toString(), us.peerId.toString())
    for (let round = 0; round < 10; round++) {
      await dial(go, us)
      await goTell(go, us.peerId.toString(), onBidComplete, sent)
      for (let turns = 0; taken <= round && turns < 1000; turns++) await new Promise((resolve) => setImmediate(resolve))
      assert.equal(taken, round + 1)
      await go.hangUp(us.peerId)
    }
  })

  test('to Go are one value and the end; they count as told when Go has read them', async (t) => {
    const { us, go, here, there } = await pair(t)
    const texts: string[] = []
    await onGoMessage(go, onBidComplete, (text) => texts.push(text))
    await sendCallback(us, there, onBidComplete, message(here, there))
    assert.deepEqual(texts, [JSON.stringify(message(here, there))])
    await go.unhandle(onBidComplete)
    await go.handle(onBidComplete, (stream) => stream.abort(new Error('undecodable')))
    await assert.rejects(sendCallback(us, there, onBidComplete, {}), /broke off/)
  })
})
