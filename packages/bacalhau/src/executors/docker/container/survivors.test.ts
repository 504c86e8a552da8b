import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { LIMITS } from '../../../runtime/limits.ts'
import { silentLogger } from '../../../runtime/logger.ts'
import { createVirtualClock } from '../../../runtime/virtual-clock.ts'
import { connectEngine } from '../engine/engine.ts'
import { scriptedEngine } from '../fixtures/scripted-engine.ts'
import { findSurvivors } from './survivors.ts'

const found = (Id: string, State: string, execution: string | undefined, more: object = {}) => ({
  Id,
  State,
  Labels: { 'bacalhau.node': 'QmNode', ...(execution === undefined ? {} : { 'bacalhau.execution': execution }) },
  ...more,
})

async function open(t: TestContext, containers: readonly object[]) {
  const { address, asked } = await scriptedEngine(t, { 'GET /containers/json': [...containers] })
  const engine = await connectEngine(address, new AbortController().signal)
  const clock = createVirtualClock()
  const survivors = await findSurvivors({ node: 'QmNode', engine, clock, logger: silentLogger })
  const removed = () =>
    asked
      .filter(({ method }) => method === 'DELETE')
      .map(({ path }) => path.replace('/containers/', ''))
      .toSorted()
  return { asked, clock, survivors, removed }
}

describe('containers of a former process', () => {
  test('are asked for by the label of the node alone, and kept with what they read', async (t) => {
    const { asked, survivors, removed } = await open(t, [
      found('a', 'running', 'e-1', {
        Mounts: [{ Source: '/data/1' }, {}],
        Labels: { ...found('', '', 'e-1').Labels, 'bacalhau.gpus': 'amd:0', 'bacalhau.ports': '20000,80' },
      }),
      found('gate', 'running', 'e-1', { Labels: { ...found('', '', 'e-1').Labels, 'bacalhau.role': 'gate' } }),
      found('b', 'exited', 'e-2', { Mounts: null }),
    ])
    const [list] = asked.filter(({ path }) => path === '/containers/json')
    assert.equal(list?.query.get('filters'), '{"label":["bacalhau.node=QmNode"]}')
    assert.equal(list?.query.get('all'), '1')
    assert.deepEqual([survivors.paths, removed()], [['/data/1'], []])
    assert.deepEqual([[...survivors.gpus], [...survivors.ports]], [['amd:0'], [20_000, 80]])
    assert.deepEqual(survivors.claim('e-1'), { id: 'a', gpus: ['amd:0'], ports: [20_000, 80], gate: 'gate' })
    assert.deepEqual([[...survivors.gpus], [...survivors.ports]], [[], []])
    assert.deepEqual([survivors.claim('e-1'), survivors.has('e-1'), survivors.has('e-2')], [undefined, false, true])
    survivors.stop()
  })

  test('that are of no use go at once, of no other node whatever the engine lists', async (t) => {
    const { survivors, removed } = await open(t, [
      found('created', 'created', 'e-1'),
      found('dead', 'dead', 'e-2'),
      found('nameless', 'running', undefined),
      found('first', 'running', 'e-3'),
      found('second', 'running', 'e-3'),
      found('lonely', 'running', 'e-5', { Labels: { ...found('', '', 'e-5').Labels, 'bacalhau.role': 'gate' } }),
      found('foreign', 'running', 'e-4', { Labels: { 'bacalhau.node': 'QmOther', 'bacalhau.execution': 'e-4' } }),
    ])
    assert.deepEqual(removed(), ['created', 'dead', 'lonely', 'nameless', 'second'])
    assert.equal(survivors.has('e-4'), false)
    survivors.stop()
  })

  test('that nobody takes up go after a while', async (t) => {
    const { clock, survivors, removed } = await open(t, [
      found('a', 'running', 'e-1'),
      found('b', 'running', 'e-2'),
      found('c', 'running', 'e-2', { Labels: { ...found('', '', 'e-2').Labels, 'bacalhau.role': 'gate' } }),
    ])
    await survivors.keep(new Set(['e-1', 'e-2']))
    survivors.claim('e-1')
    await clock.advance(LIMITS.containerUnclaimed)
    while (removed().length < 2) await new Promise(setImmediate)
    assert.deepEqual([removed(), survivors.has('e-2')], [['b', 'c'], false])
  })
})
