import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { decodePosition, encodePosition } from './page-token.ts'

describe('history token', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (limit, from) => {
        assert.deepEqual(decodePosition(encodePosition({ limit, from })), { limit, from })
      }),
    )
  })

  test('has the documented form', () => {
    assert.equal(Buffer.from(encodePosition({ limit: 10, from: 20 }), 'base64url').toString(), ':N:10:20')
    assert.deepEqual(decodePosition(Buffer.from('created_at:Y:10:20').toString('base64url')), { limit: 10, from: 20 })
  })

  test('is refused when it is not one of ours', () => {
    const foreign = ['', 'x', ':N:10', ':N:-1:2', ':N:1:2:3', ':Q:1:2', ':N:1:1e9'].map((text) =>
      Buffer.from(text).toString('base64url'),
    )
    for (const token of ['%%%', ...foreign]) {
      assert.throws(() => decodePosition(token), { code: 'BadRequest', message: /invalid next token/ }, token)
    }
  })
})
