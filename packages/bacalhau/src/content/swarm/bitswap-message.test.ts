import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { CID } from 'multiformats/cid'
import { isBacalhauError } from '../../runtime/error.ts'
import { cidOf, DAG_PB, matches, RAW } from '../cid.ts'
import { bytesField } from '../../network/protobuf.ts'
import { type BitswapMessage, decodeBitswap, encodeBitswap } from './bitswap-message.ts'

const block = fc.uint8Array({ maxLength: 50 })
const cidFor = (block: Uint8Array, kind: number): CID =>
  kind === 0 ? cidOf(0, DAG_PB, block) : cidOf(1, kind === 1 ? DAG_PB : RAW, block)
const cid = fc.tuple(block, fc.nat(2)).map(([block, kind]) => cidFor(block, kind))

const plain = ({ full, wants, blocks, presences }: BitswapMessage) => ({
  full,
  wants: wants.map((want) => ({ ...want, cid: want.cid.toString() })),
  blocks: blocks.map(({ cid, block }) => [cid.toString(), Buffer.from(block).toString('hex')]),
  presences: presences.map(({ cid, has }) => [cid.toString(), has]),
})

test('messages survive being written and read', () => {
  const message = fc.record(
    {
      full: fc.boolean(),
      wants: fc.array(
        fc.record(
          { cid, cancel: fc.boolean(), haveOnly: fc.boolean(), sendDontHave: fc.boolean() },
          { noNullPrototype: true },
        ),
      ),
      blocks: fc.array(fc.tuple(block, fc.nat(2)).map(([block, kind]) => ({ cid: cidFor(block, kind), block }))),
      presences: fc.array(fc.record({ cid, has: fc.boolean() })),
    },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(message, (message) => assert.deepEqual(plain(decodeBitswap(encodeBitswap(message))), plain(message))),
  )
})

test('a message of Kubo is read', () => {
  // A want of QmUNLL…, with an answer also if it is missing, as a wantlist that replaces all others.
  const entry = `0a22${Buffer.from(cidOf(0, DAG_PB, Buffer.from('0a020801', 'hex')).bytes).toString('hex')}10ffffff07200128 01`
  const wantlist = `0a2d${entry.replaceAll(' ', '')}1001`
  const message = decodeBitswap(Buffer.from(`0a${(wantlist.length / 2).toString(16)}${wantlist}`, 'hex'))
  assert.deepEqual(plain(message), {
    full: true,
    wants: [
      {
        cid: 'QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn',
        cancel: false,
        haveOnly: true,
        sendDontHave: true,
      },
    ],
    blocks: [],
    presences: [],
  })
})

describe('what cannot be read', () => {
  test('is left out when it is a CID', () => {
    const want = bytesField(1, bytesField(1, bytesField(1, Buffer.from('no CID'))))
    const presence = bytesField(4, bytesField(1, Buffer.from('no CID')))
    const nameless = bytesField(3, bytesField(2, Buffer.from('a block without a prefix')))
    const message = decodeBitswap(Buffer.concat([want, presence, nameless]))
    assert.deepEqual(plain(message), { full: false, wants: [], blocks: [], presences: [] })
  })

  test('is refused when it is no message; blocks are always what their CID says', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.uint8Array().map((bytes) => bytesField(3, bytes)),
        ),
        (bytes) => {
          try {
            for (const { cid, block } of decodeBitswap(bytes).blocks) assert.ok(matches(cid, block))
          } catch (error) {
            assert.ok(isBacalhauError(error) && error.code === 'ContentInvalid', String(error))
          }
        },
      ),
    )
  })
})
