import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fixtureSigner, signedFacts } from './fixtures/signer.ts'
import { ownFacts } from './fixtures/statements.ts'
import { doubleForm, ownForm } from './go-forms.ts'
import { openFacts, type SignedFacts, signFacts } from './signed-facts.ts'

const open = (facts: SignedFacts) => openFacts(facts, new Map())

test('facts say who said them', () => {
  const facts = signedFacts(0, { sequence: 7 })
  assert.deepEqual([open(facts)?.peerId, open(facts)?.sequence], [fixtureSigner(0).peerId, 7])
})

test('nothing of them can be changed', () => {
  const facts = signedFacts(0, { sequence: 7 })
  const other = signedFacts(1, { sequence: 8 })
  const keys = ['author', 'sequence', 'data', 'signature', 'key'] as const
  for (const key of keys) assert.equal(open({ ...facts, [key]: other[key] }), undefined, key)
  // Nor with the key of another one.
  assert.equal(open({ ...other, author: facts.author }), undefined)
  fc.assert(
    fc.property(fc.constantFrom('author', 'data', 'signature', 'key'), fc.nat(), fc.string(), (key, at, text) => {
      const value = facts[key]
      const place = at % value.length
      const changed = value.slice(0, place) + text + value.slice(place + 1)
      // What base64 passes over changes nothing.
      fc.pre(Buffer.from(changed, 'base64').compare(Buffer.from(value, 'base64')) !== 0 || key === 'author')
      fc.pre(changed !== value)
      assert.equal(open({ ...facts, [key]: changed }), undefined)
    }),
  )
})

test('a node speaks for itself only, in its own form, and under the number that it signs', () => {
  const signer = fixtureSigner(0)
  const mine = ownFacts(signer.peerId, { sequence: 3 })
  const sign = (sequence: number, message: unknown) => signFacts(signer, sequence, JSON.stringify(message))
  assert.ok(open(sign(3, ownForm(mine))) !== undefined)
  assert.ok(open(sign(3, doubleForm(mine))) !== undefined)
  assert.equal(open(sign(4, ownForm(mine))), undefined)
  assert.equal(open(sign(3, ownForm(ownFacts(fixtureSigner(1).peerId, { sequence: 3 })))), undefined)
  assert.equal(open(sign(3, { NodeID: signer.peerId, NodeType: 'Compute' })), undefined)
  assert.equal(open(sign(3, null)), undefined)
})

test('a key that was met before is not read again, and binds its owner', () => {
  const keys = new Map()
  const [first, second] = [signedFacts(0), signedFacts(0, { sequence: 2 })]
  assert.ok(openFacts(first, keys) !== undefined)
  assert.deepEqual([...keys.keys()], [first.author])
  assert.ok(openFacts({ ...second, key: '' }, keys) !== undefined)
  assert.equal(openFacts({ ...signedFacts(1), author: first.author }, keys), undefined)
})
