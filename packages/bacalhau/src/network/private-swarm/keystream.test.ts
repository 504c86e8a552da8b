import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { xsalsa20 } from '@noble/ciphers/salsa.js'
import fc from 'fast-check'
import { createKeystream } from './keystream.ts'

const key = Buffer.from('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389', 'hex')
const nonce = Buffer.from('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37', 'hex')

describe('keystream', () => {
  test('is XSalsa20: the vector of NaCl', () => {
    assert.equal(
      Buffer.from(createKeystream(key, nonce)(new Uint8Array(32))).toString('hex'),
      'eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880',
    )
  })

  test('goes on where it ended, however the flow is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), (pieces) => {
        const cipher = createKeystream(key, nonce)
        const done = Buffer.concat(pieces.map((piece) => cipher(piece)))
        assert.deepEqual(done, Buffer.from(xsalsa20(key, nonce, Buffer.concat(pieces))))
      }),
    )
  })

  test('does not touch what it is given', () => {
    const data = Buffer.from('unchanged')
    createKeystream(key, nonce)(data)
    assert.equal(data.toString(), 'unchanged')
  })
})
