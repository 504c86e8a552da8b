import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { Channel } from './channel.ts'

/** What the suite sends. */
export const notice = z.strictObject({ text: z.string() })
export type Notice = z.infer<typeof notice>
export type NoticeChannel = Channel<Notice, Notice>

/** One end of a channel, and all that it was told. */
export interface Listener {
  readonly channel: NoticeChannel
  readonly received: string[]
  readonly closings: (Error | undefined)[]
  /** Resolves with the error, or undefined, that the channel ended with. */
  readonly closed: Promise<Error | undefined>
  /** Resolves when `count` messages have arrived in all. */
  arrived(count: number): Promise<void>
  say(...texts: string[]): void
}

/** Starts `channel` and writes down what it delivers. `onText` runs inside of the delivery. */
export function listen(channel: NoticeChannel, onText: (text: string) => void = () => undefined): Listener {
  const [received, closings]: [string[], (Error | undefined)[]] = [[], []]
  const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>()
  let check = () => undefined as void
  channel.start({
    onMessage({ text }) {
      assert.equal(closings.length, 0, 'a message after the end')
      received.push(text)
      check()
      onText(text)
    },
    onClose(error) {
      closings.push(error)
      resolve(error)
    },
  })
  return {
    channel,
    received,
    closings,
    closed,
    arrived: (count) =>
      new Promise((resolve) => {
        check = () => received.length >= count && resolve()
        check()
      }),
    say: (...texts) => texts.forEach((text) => channel.send({ text })),
  }
}

/** Long enough for anything late to show itself, in memory and on loopback alike: nothing is expected to come. */
const quiet = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** What every Channel must do. `open` gives the two ends of a fresh one, neither of them started. */
export function channelCompliance(name: string, open: () => Promise<[NoticeChannel, NoticeChannel]>): void {
  const openBoth = async (): Promise<[Listener, Listener]> => {
    const [left, right] = await open()
    return [listen(left), listen(right)]
  }

  describe(`${name} is a Channel`, () => {
    test('messages arrive once and in order, in both directions, whatever the turns in which they were sent', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.boolean(), fc.string(), fc.boolean()), { maxLength: 20 }),
          async (steps) => {
            const [left, right] = await openBoth()
            const sent: [string[], string[]] = [[], []]
            for (const [toRight, text, pause] of steps) {
              sent[toRight ? 1 : 0].push(text)
              ;(toRight ? left : right).say(text)
              if (pause) await new Promise((resolve) => setImmediate(resolve))
            }
            await Promise.all([left.arrived(sent[0].length), right.arrived(sent[1].length)])
            assert.deepEqual([left.received, right.received], sent)
            left.channel.close()
            await Promise.all([left.closed, right.closed])
          },
        ),
        { numRuns: 20 },
      )
    })

    test('what was sent before the other side started is there when it does', async () => {
      const [left, right] = await open()
      const speaker = listen(left)
      speaker.say('early')
      await quiet()
      const late = listen(right)
      await late.arrived(1)
      assert.deepEqual(late.received, ['early'])
      speaker.channel.close()
      await late.closed
    })

    test('a receiver never runs inside of a send', async () => {
      const [left, right] = await openBoth()
      left.say('a')
      assert.deepEqual(right.received, [])
      await right.arrived(1)
      right.channel.close()
      await left.closed
    })

    test('closing delivers what was queued, and ends both sides without an error', async () => {
      const [left, right] = await openBoth()
      left.say('a', 'b')
      left.channel.close()
      assert.deepEqual(await Promise.all([left.closed, right.closed]), [undefined, undefined])
      assert.deepEqual(right.received, ['a', 'b'])
    })

    test('both sides may close, at the same time and more than once: each is told once', async () => {
      const [left, right] = await openBoth()
      left.channel.close()
      right.channel.close()
      left.channel.close()
      await Promise.all([left.closed, right.closed])
      right.channel.close()
      right.channel.abort(new Error('too late'))
      await quiet()
      assert.deepEqual([left.closings, right.closings], [[undefined], [undefined]])
    })

    test('after its own close a side is sent nothing and told nothing', async () => {
      const [left, right] = await openBoth()
      right.say('under way')
      left.channel.close()
      left.say('after the end')
      await Promise.all([left.closed, right.closed])
      right.say('to nobody')
      await quiet()
      assert.deepEqual([left.received, right.received], [[], []])
    })

    test('closing from inside of a delivery drops the rest of what came', async () => {
      const [left, right] = await open()
      const speaker = listen(left)
      const closer: Listener = listen(right, (text) => text === 'stop' && closer.channel.close())
      speaker.say('go', 'stop', 'never seen')
      await Promise.all([speaker.closed, closer.closed])
      assert.deepEqual(closer.received, ['go', 'stop'])
    })

    test('an abort ends both sides at once: here with its error, there with one', async () => {
      const [left, right] = await openBoth()
      const broken = new Error('lost')
      left.channel.abort(broken)
      const [here, there] = await Promise.all([left.closed, right.closed])
      assert.equal(here, broken)
      assert.ok(there instanceof Error)
      left.channel.abort(new Error('again'))
      left.say('nothing')
      await quiet()
      assert.deepEqual([left.closings.length, right.closings.length, right.received.length], [1, 1, 0])
    })

    test('a handler that throws ends the channel with its error', async () => {
      const [left, right] = await open()
      const fault = new Error('a fault of the program')
      const thrower = listen(right, () => {
        throw fault
      })
      const speaker = listen(left)
      speaker.say('a', 'b')
      assert.equal(await thrower.closed, fault)
      assert.ok((await speaker.closed) instanceof Error)
      assert.deepEqual(thrower.received, ['a'])
    })
  })
}
