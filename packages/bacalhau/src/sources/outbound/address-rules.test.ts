import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createAddressRules } from './address-rules.ts'

const PRIVATE = [
  '0.0.0.0',
  '10.0.0.1',
  '100.100.100.200',
  '127.0.0.1',
  '127.255.255.255',
  '168.63.129.16',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.192',
  '192.168.1.1',
  '198.19.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::127.0.0.1',
  '::ffff:127.0.0.1',
  '::ffff:8.8.8.8',
  '64:ff9b::7f00:1',
  '2001:0:1::1',
  '2001:db8::1',
  '2002:7f00:1::',
  'fc00::1',
  'fd00:ec2::254',
  'fe80::1',
  'fe80::1%eth0',
  '2606:4700::1%eth0',
  'ff02::1',
]
const PUBLIC = ['1.1.1.1', '8.8.8.8', '100.63.255.255', '172.32.0.1', '192.167.255.255', '2606:4700::1', '2001:4860::1']

describe('addresses that jobs may reach', () => {
  test('are the public ones', () => {
    const rules = createAddressRules([])
    for (const address of PUBLIC) assert.equal(rules.permit(address), true, address)
    for (const address of PRIVATE) assert.equal(rules.permit(address), false, address)
  })

  test('are those that the operator grants', () => {
    const rules = createAddressRules(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
    for (const address of [...PUBLIC, '10.1.2.3', '127.0.0.1', 'fd12::1', '::ffff:10.1.2.3']) {
      assert.equal(rules.permit(address), true, address)
    }
    for (const address of ['10.2.0.0', '127.0.0.2', 'fc00::1', '::1', '169.254.169.254']) {
      assert.equal(rules.permit(address), false, address)
    }
  })

  test('are none of this machine, in whatever form, unless they are granted', () => {
    const own = () => ['1.1.1.1', '2606:4700:0:0::1']
    const rules = createAddressRules([], own)
    for (const address of ['1.1.1.1', '2606:4700::1']) assert.equal(rules.permit(address), false, address)
    for (const address of ['1.1.1.2', '2606:4700::2']) assert.equal(rules.permit(address), true, address)
    assert.equal(createAddressRules(['1.1.1.1'], own).permit('1.1.1.1'), true)
  })

  test('are never what is no address', () => {
    const rules = createAddressRules(['0.0.0.0/0', '::/0'])
    fc.assert(fc.property(fc.string(), (text) => assert.equal(rules.permit(`x${text}`), false)))
    for (const text of ['', 'localhost', '1.2.3', '01.2.3.4', '[::1]']) assert.equal(rules.permit(text), false, text)
  })

  test('of IPv4 stay the same however they are granted', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        assert.equal(createAddressRules([`${address}/32`]).permit(address), true)
        assert.equal(createAddressRules(['0.0.0.0/0']).permit(address), true)
      }),
    )
  })

  for (const range of [
    '',
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fd00::/129',
    '10.0.0.0/-1',
    '1.2.3/8',
  ]) {
    test(`are not granted by ${JSON.stringify(range)}`, () => {
      assert.throws(() => createAddressRules([range]), { code: 'ConfigurationError' })
    })
  }
})
