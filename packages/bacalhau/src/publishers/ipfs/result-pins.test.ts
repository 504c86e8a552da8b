import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flow, temporaryContent } from '../../content/testing/temporary.ts'
import { releaseOldResults, resultPin } from './result-pins.ts'

const DAY = 24 * 60 * 60_000
const NOON = Date.UTC(2026, 0, 31, 12)

test('results are kept for so many days, and what was published again longer', async (context) => {
  const content = await temporaryContent(context)
  const publish = async (text: string, time: number) =>
    (await content.add(flow(text), { pinAs: resultPin(time) })).cid.toString()
  const [old, again, young] = [
    await publish('old', NOON - 31 * DAY),
    await publish('again', NOON - 31 * DAY),
    await publish('young', NOON - 30 * DAY),
  ]
  await publish('again', NOON)
  const mine = (await content.add(flow('mine'))).cid.toString()
  assert.equal(releaseOldResults(content, NOON, 30), 2)
  assert.equal(releaseOldResults(content, NOON, 30), 0)
  assert.deepEqual(content.pinNames('result/'), ['result/2026-01-01', 'result/2026-01-31'])
  assert.deepEqual(content.pins('result/2026-01-01'), [young])
  assert.deepEqual(content.pins('result/2026-01-31'), [again])
  assert.deepEqual(content.pins(), [mine])
  assert.notEqual(old, mine)
  assert.equal(releaseOldResults(content, NOON, 0), 1, 'today is never over')
})
