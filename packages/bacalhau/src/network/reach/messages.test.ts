import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { peerIdFromString } from '@libp2p/peer-id'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { fixtureKey } from '../fixtures/keys.ts'
import { bytesField, varintField } from '../protobuf.ts'
import { decodeCircuit, encodeCircuit, HOP_TYPE, STATUS, statusText, STOP_TYPE } from '../relay/circuit-message.ts'
import { decodeDial, decodeResponse, encodeDial, encodeResponse } from './autonat-message.ts'
import { decodePunch, encodePunch, PUNCH_TYPE } from './punch-message.ts'

const peer = peerIdFromString(fixtureKey(0).peerId)
const id = peer.toMultihash().bytes
const addresses = ['/ip4/192.0.2.1/tcp/4001', '/ip6/2001:db8::1/tcp/1235'].map((one) => multiaddr(one))
const texts = (all: readonly Multiaddr[]) => all.map(String)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('messages of circuit relay', () => {
  test('are those of the specification', () => {
    assert.equal(hex(encodeCircuit('hop', { type: HOP_TYPE.reserve })), '0800')
    assert.equal(hex(encodeCircuit('hop', { type: HOP_TYPE.status, status: STATUS.ok })), '08022864')
    assert.equal(hex(encodeCircuit('stop', { type: STOP_TYPE.status, status: STATUS.ok })), '08012064')
    assert.equal(hex(encodeCircuit('hop', { type: HOP_TYPE.connect, peer })), `080112240a22${hex(id)}`)
  })

  test('are read as they were written, in either protocol', () => {
    for (const protocol of ['hop', 'stop'] as const) {
      const message = { type: 1, peer, status: STATUS.noReservation }
      const read = decodeCircuit(protocol, encodeCircuit(protocol, message))
      assert.deepEqual([read.type, read.peer?.toString(), read.status], [1, peer.toString(), STATUS.noReservation])
    }
    const expires = 1_900_000_000
    assert.equal(decodeCircuit('hop', encodeCircuit('hop', { type: 2, expires })).expires, expires)
  })

  test('limits of other programs are understood, zero being none; vouchers and addresses are passed over', () => {
    const limit = (seconds: number, bytes: number) => Buffer.concat([varintField(1, seconds), varintField(2, bytes)])
    const reservation = Buffer.concat([varintField(1, 77), bytesField(2, addresses[0]?.bytes ?? id), bytesField(3, id)])
    const hop = Buffer.concat([bytesField(3, reservation), bytesField(4, limit(120, 131_072))])
    assert.deepEqual(decodeCircuit('hop', hop), {
      type: undefined,
      expires: 77,
      limit: { seconds: 120, bytes: 131_072 },
    })
    assert.deepEqual(decodeCircuit('stop', bytesField(3, limit(0, 0))).limit, {})
  })

  test('a status has a name', () => {
    assert.deepEqual(
      [statusText(202), statusText(999), statusText(undefined)],
      ['permissionDenied', 'status 999', 'status missing'],
    )
  })
})

describe('messages of hole punching', () => {
  test('are read as they were written', () => {
    const { type, addresses: read } = decodePunch(encodePunch({ type: PUNCH_TYPE.connect, addresses }))
    assert.deepEqual([type, texts(read)], [100, texts(addresses)])
    assert.equal(hex(encodePunch({ type: PUNCH_TYPE.sync, addresses: [] })), '08ac02')
  })

  test('no more than a few addresses are told or looked at, and none that makes no sense', () => {
    const many = Array.from({ length: 50 }, (_, port) => multiaddr(`/ip4/192.0.2.1/tcp/${port + 1}`))
    assert.equal(decodePunch(encodePunch({ type: 100, addresses: many })).addresses.length, 16)
    const odd = Buffer.concat([bytesField(2, Uint8Array.of(255, 255)), bytesField(2, addresses[0]?.bytes ?? id)])
    assert.deepEqual(texts(decodePunch(odd).addresses), texts(addresses.slice(0, 1)))
  })
})

describe('messages of AutoNAT', () => {
  test('are read as they were written', () => {
    assert.deepEqual(texts(decodeDial(encodeDial(id, addresses))), texts(addresses))
    const found = decodeResponse(encodeResponse({ status: 0, address: multiaddr('/ip4/192.0.2.1/tcp/4001') }))
    assert.deepEqual([found.status, found.address?.toString()], [0, '/ip4/192.0.2.1/tcp/4001'])
    assert.deepEqual(decodeResponse(encodeResponse({ status: 101 })), { status: 101 })
  })

  test('a request without a peer, and no response at all, are refused', () => {
    assert.throws(() => decodeDial(encodeResponse({ status: 0 })))
    assert.throws(() => decodeResponse(encodeDial(id, addresses)))
  })
})

test('of any bytes every reader makes a message or an error, nothing else', () => {
  const readers = [
    (bytes: Uint8Array) => decodeCircuit('hop', bytes),
    (bytes: Uint8Array) => decodeCircuit('stop', bytes),
    decodePunch,
    decodeDial,
    decodeResponse,
  ]
  const field = fc
    .tuple(fc.integer({ min: 1, max: 6 }), fc.uint8Array({ maxLength: 40 }))
    .map(([number, value]) => bytesField(number, value))
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(field).map((fields) => Buffer.concat(fields)),
  )
  fc.assert(
    fc.property(bytes, fc.constantFrom(...readers), (input, read) => {
      try {
        assert.equal(typeof read(input), 'object')
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof assert.AssertionError))
      }
    }),
  )
})
