import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { handClock } from '../../network/fixtures/hand-clock.ts'
import { BacalhauError, type ErrorOptions } from '../../runtime/error.ts'
import { LIMITS } from '../../runtime/limits.ts'
import { silentLogger } from '../../runtime/logger.ts'
import type { Selection } from '../selection.ts'
import { rawBlock } from '../testing/blocks.ts'
import { temporaryStore } from '../testing/temporary.ts'
import { type Exchange, fetchSelection } from './fetch.ts'

const { cid, block } = rawBlock('wanted')
const selection: Selection = { cid, path: [], scope: 'all' }
const failure = (code: ConstructorParameters<typeof BacalhauError>[0], options?: ErrorOptions) =>
  new BacalhauError(code, `it was ${code}`, options)

/** Fetches with exchanges whose peers do what `peers` says: how each download ends, in turn. Tells what was tried. */
async function fetching(
  context: TestContext,
  peers: Readonly<Record<string, readonly ('sends' | Error)[]>>,
  {
    hints = [] as string[],
    connected = Object.keys(peers),
    known = [] as string[],
    names = ['first'],
    signal = new AbortController().signal,
  } = {},
) {
  const batch = (await temporaryStore(context)).begin()
  context.after(() => batch.discard())
  const clock = handClock()
  const tried: string[] = []
  const turns = new Map<string, number>()
  const exchanges = names.map((name): Exchange => ({
    name,
    async ask(peer) {
      tried.push(`${name}? ${peer}`)
      return (peers[peer] ?? []).length > 0
    },
    async download(peer, _selection, into) {
      tried.push(`${name}! ${peer}`)
      const turn = turns.get(peer) ?? 0
      turns.set(peer, turn + 1)
      const end = peers[peer]?.[Math.min(turn, (peers[peer]?.length ?? 1) - 1)]
      if (end instanceof Error) throw end
      await into.put(cid, block)
    },
  }))
  const fetched = fetchSelection(
    selection,
    batch,
    { signal, hints, maxBytes: 1_000 },
    { exchanges, connected: () => connected, known: () => known, clock, logger: silentLogger },
  )
  return { fetched, tried, clock, has: () => batch.has(cid) }
}

describe('fetching', () => {
  test('asks those that are only known of when no connected one has it, and nobody twice', async (context) => {
    const peers = { near: [], far: ['sends'], other: [] } as const
    const there = { connected: ['near'], known: ['near', 'far'], names: ['first', 'second'] }
    const { fetched, tried } = await fetching(context, peers, there)
    await fetched
    assert.deepEqual(tried, ['first? near', 'second? near', 'first? far', 'first! far'])
    const nowhere = await fetching(context, { near: [] }, { connected: ['near'], known: ['other'] })
    await assert.rejects(nowhere.fetched, { code: 'ContentNotFound', message: /asked 2 peers \(near, other\)/ })
  })

  test('asks the peers that were hinted at first, and the others only if need be', async (context) => {
    const peers = { a: ['sends'], b: ['sends'], far: ['sends'] } as const
    const { fetched, tried, has } = await fetching(context, peers, { hints: ['far'], connected: ['a', 'b'] })
    await fetched
    assert.ok(has())
    assert.deepEqual(tried, ['first? far', 'first! far'])
  })

  test('goes on with the next peer when one fails', async (context) => {
    const peers = { none: [], bad: [failure('ContentInvalid')], good: ['sends'] } as const
    const { fetched, tried, has } = await fetching(context, peers)
    await fetched
    assert.ok(has())
    assert.deepEqual(tried.slice(-2), ['first! bad', 'first! good'])
  })

  test('goes on with the next exchange when one leads nowhere', async (context) => {
    const peers = { a: [failure('PeerUnreachable'), 'sends'] } as const
    const { fetched, tried } = await fetching(context, peers, { names: ['first', 'second'] })
    await fetched
    assert.deepEqual(tried, ['first? a', 'first! a', 'second? a', 'second! a'])
  })

  for (const code of ['NotFound', 'ContentTooLarge', 'DiskFull'] as const) {
    test(`ends at once at ${code}`, async (context) => {
      const { fetched, tried } = await fetching(context, { a: [failure(code)], b: [failure(code)] })
      await assert.rejects(fetched, { code })
      assert.equal(tried.filter((what) => what.includes('!')).length, 1)
    })
  }

  test('waits for a peer that is busy', async (context) => {
    const peers = { a: [failure('TooManyRequests'), failure('TooManyRequests'), 'sends'] } as const
    const { fetched, tried, clock } = await fetching(context, peers)
    await clock.advance(2_000)
    await fetched
    assert.equal(tried.filter((what) => what === 'first! a').length, 3)
  })

  test('does not wait for a busy peer when nobody wants the content any more', async (context) => {
    const controller = new AbortController()
    const peers = { a: [failure('TooManyRequests')] }
    const { fetched, clock } = await fetching(context, peers, { signal: controller.signal })
    const outcome = assert.rejects(fetched, /enough/)
    await clock.advance(500)
    controller.abort(new Error('enough'))
    await outcome
  })

  test('tells who was asked and what went wrong', async (context) => {
    const peers = { none: [], bad: [failure('ContentInvalid')], b: [], c: [], d: [] } as const
    const { fetched } = await fetching(context, peers)
    await assert.rejects(fetched, {
      code: 'ContentNotFound',
      message: `${cid.toString()} is not on this node and could not be fetched: asked 5 peers (none, bad, b, …); bad: it was ContentInvalid.`,
    })
  })

  test('asks no more peers than allowed', async (context) => {
    const peers = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`peer ${index}`, []]))
    const { fetched, tried } = await fetching(context, peers, { hints: ['hinted'] })
    await assert.rejects(fetched, { code: 'ContentNotFound' })
    assert.equal(tried.length, LIMITS.contentPeers)
    assert.equal(tried[0], 'first? hinted')
  })
})
