import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createResultOutbound } from './result-outbound.ts'

const AWAY = 'http://node.example.org:1234'
const HERE = ['http://127.0.0.1:1234', 'http://localhost:1234', 'https://[::1]:1234']
const refusal = { code: 'Forbidden', message: /nobody else's place/, hint: /trust/ }

describe('results at a URL', () => {
  test('are fetched from public addresses and those of a private network', async () => {
    for (const host of [
      '93.184.216.34',
      '[2606:2800:220:1::1]',
      '10.1.2.3',
      '192.168.0.7',
      '100.64.0.1',
      '[fd00::7]',
    ]) {
      assert.equal((await createResultOutbound(AWAY).addressesOf(host)).length, 1)
    }
  })

  test('are not fetched from this machine unless the node is on it', async () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '[::1]', '0.0.0.0', '[::]', '[::ffff:127.0.0.1]']) {
      for (const node of [AWAY, undefined, 'http://127.0.0.1.example.org', 'http://localhost.example.org']) {
        await assert.rejects(createResultOutbound(node).addressesOf(host), refusal, `${host} of ${node}`)
      }
    }
    for (const node of HERE) {
      for (const host of ['127.0.0.1', '[::1]']) {
        assert.equal((await createResultOutbound(node).addressesOf(host)).length, 1)
      }
    }
  })

  test('are never fetched from where a cloud tells its machines their secrets', async () => {
    for (const node of [AWAY, ...HERE]) {
      for (const host of ['169.254.169.254', '[fe80::1]', '168.63.129.16', '[::ffff:169.254.169.254]']) {
        await assert.rejects(createResultOutbound(node).addressesOf(host), refusal, `${host} of ${node}`)
      }
    }
  })

  test('under a name obey the same rules', async () => {
    const resolve = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
    await assert.rejects(createResultOutbound(AWAY, resolve).addressesOf('evil.example.org'), refusal)
    const fails = createResultOutbound(AWAY, () => Promise.reject(new Error('ENOTFOUND')))
    await assert.rejects(fails.addressesOf('nowhere.example.org'), /was not found/)
  })
})
