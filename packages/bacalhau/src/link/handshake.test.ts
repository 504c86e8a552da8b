import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { shakeHands, type Claim, type Standing } from './handshake.ts'
import { Outbox } from './outbox.ts'

/** Two parcels of an earlier life are acknowledged, two more of this one wait: 3 and 4. */
function standing(): Standing {
  const outbox = new Outbox<string>('now', { seq: 2, mark: 'before' })
  for (const message of ['third', 'fourth']) {
    outbox.add(message)
    outbox.seal()
  }
  return { conversation: 'c-1', generation: 'g-1', misfit: (received) => outbox.misfit(received) }
}

const claim = (seq: number, mark: string, rest: Partial<Claim> = {}): Claim => ({
  storeGeneration: 'g-1',
  conversation: { id: 'c-1', received: { seq, mark } },
  ...rest,
})

const rules: readonly [string, Standing | undefined, Claim, object][] = [
  ['nothing known', undefined, claim(2, 'before'), { reset: 'there was no conversation with this node' }],
  [
    'a wiped store',
    standing(),
    claim(2, 'before', { storeGeneration: 'g-2' }),
    { reset: 'the node has another store than before' },
  ],
  ['no claim', standing(), { storeGeneration: 'g-1' }, { reset: 'the node knows of no conversation' }],
  [
    'another conversation',
    standing(),
    claim(2, 'before', { conversation: { id: 'c-0', received: { seq: 2, mark: 'before' } } }),
    { reset: 'the node knows another conversation' },
  ],
  ['more than sent', standing(), claim(5, 'now'), { reset: 'the node has received more than was sent' }],
  [
    'less than acknowledged',
    standing(),
    claim(1, 'before'),
    { reset: 'the node has received less than it had acknowledged' },
  ],
  [
    'what another life sent',
    standing(),
    claim(4, 'before'),
    { reset: 'the node has received something else under that number' },
  ],
  [
    'what another life had acknowledged',
    standing(),
    claim(2, 'now'),
    { reset: 'the node has received something else under that number' },
  ],
  ['all that was acknowledged', standing(), claim(2, 'before'), { resume: { seq: 2, mark: 'before' } }],
  ['some of what waits', standing(), claim(3, 'now'), { resume: { seq: 3, mark: 'now' } }],
  ['everything', standing(), claim(4, 'now'), { resume: { seq: 4, mark: 'now' } }],
]

describe('a handshake', () => {
  for (const [name, known, said, outcome] of rules) {
    test(`${name}: ${Object.keys(outcome).join()}`, () => assert.deepEqual(shakeHands(known, said), outcome))
  }

  test('a conversation that never had a name is not resumed', () => {
    const unnamed = { ...standing(), conversation: '' }
    assert.ok('reset' in shakeHands(unnamed, claim(2, 'before')))
  })
})
