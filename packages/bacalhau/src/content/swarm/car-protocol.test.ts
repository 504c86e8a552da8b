import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isBacalhauError } from '../../runtime/error.ts'
import { parseCid } from '../cid.ts'
import { SCOPES } from '../selection.ts'
import { decodeCarRequest, encodeCarRequest } from './car-protocol.ts'

const cid = 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn'

describe('requests', () => {
  test('survive being written and read', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('have' as const, 'blocks' as const),
        fc.array(fc.string({ minLength: 1, maxLength: 50 }), { maxLength: 10 }),
        fc.constantFrom(...SCOPES),
        fc.nat(),
        (want, path, scope, skip) => {
          const { selection, ...rest } = decodeCarRequest(
            encodeCarRequest({ want, selection: { cid: parseCid(cid), path, scope }, skip }),
          )
          assert.deepEqual({ ...selection, cid: selection.cid.toString(), ...rest }, { cid, path, scope, want, skip })
        },
      ),
    )
  })

  for (const [why, request] of [
    ['no JSON', '{'],
    ['no object', '7'],
    ['no CID', '{"want":"have"}'],
    ['a bad CID', '{"want":"have","cid":"x"}'],
    ['another wish', `{"want":"all","cid":"${cid}"}`],
    ['an empty name', `{"want":"have","cid":"${cid}","path":[""]}`],
    ['another scope', `{"want":"have","cid":"${cid}","scope":"some"}`],
    ['less than nothing', `{"want":"have","cid":"${cid}","skip":-1}`],
    ['half a block', `{"want":"have","cid":"${cid}","skip":0.5}`],
  ]) {
    test(`refused: ${why}`, () => {
      assert.throws(() => decodeCarRequest(Buffer.from(request ?? '')), isBacalhauError)
    })
  }

  test('of any bytes are read or refused, nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          assert.throws(() => decodeCarRequest(bytes), isBacalhauError)
        },
      ),
    )
  })
})
