import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decideMembership, type Decision, type NodeApproval } from './membership.ts'

const SECRET = 'the-join-token'
const decide = (joinToken?: string, sameMachine = false, approval: NodeApproval = 'token', decided?: Decision) =>
  decideMembership({ sameMachine, joinToken }, { approval, joinToken: SECRET }, decided)

test('the right token makes a member, from any machine', () => {
  assert.deepEqual(decide(SECRET), { membership: 'APPROVED', message: 'the join token is right' })
})

test('any other token, however near, does not', () => {
  const near = fc.constantFrom('', ' ', SECRET.slice(1), `${SECRET} `, SECRET.toUpperCase(), `${SECRET}\0`)
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (token) => {
      fc.pre(token !== SECRET)
      const { membership, message } = decide(token)
      assert.equal(membership, 'PENDING')
      assert.match(message, /the join token is wrong; .*--join-token/)
    }),
  )
})

test('without a token a node waits, and is told what to do', () => {
  const { membership, message } = decide()
  assert.equal(membership, 'PENDING')
  assert.match(message, /has shown no join token; .*--join-token/)
})

test('a node of the same machine needs none, also with a wrong one', () => {
  assert.equal(decide(undefined, true).membership, 'APPROVED')
  assert.equal(decide('wrong', true).membership, 'APPROVED')
})

test('with automatic approval everybody is a member', () => {
  assert.equal(decide(undefined, false, 'auto').membership, 'APPROVED')
})

test('with manual approval nobody is before an operator says so', () => {
  const { membership, message } = decide(SECRET, true, 'manual')
  assert.equal(membership, 'PENDING')
  assert.match(message, /has to approve the node/)
})

test('what an operator has decided goes before all else', () => {
  const [yes, no]: [Decision, Decision] = [
    { membership: 'APPROVED', message: 'good' },
    { membership: 'REJECTED', message: 'bad' },
  ]
  for (const approval of ['token', 'auto', 'manual'] as const) {
    assert.deepEqual(decide(SECRET, true, approval, no), no)
    assert.deepEqual(decide('wrong', false, approval, yes), yes)
  }
})
