import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decideMembership } from './membership.ts'

const SECRET = 'the-join-token'
const decide = (joinToken: string | undefined, sameMachine = false) =>
  decideMembership({ sameMachine, joinToken }, 'token', SECRET)

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
  const { membership, message } = decide(undefined)
  assert.equal(membership, 'PENDING')
  assert.match(message, /has shown no join token; .*--join-token/)
})

test('a node of the same machine needs none, also with a wrong one', () => {
  assert.equal(decide(undefined, true).membership, 'APPROVED')
  assert.equal(decide('wrong', true).membership, 'APPROVED')
})

test('with automatic approval everybody is a member', () => {
  const applicant = { sameMachine: false, joinToken: undefined }
  assert.equal(decideMembership(applicant, 'auto', SECRET).membership, 'APPROVED')
})
