import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NetworkSpec } from '@bacalhau/models'
import { networkRefusal } from './network-grants.ts'

const HTTP: NetworkSpec = { Type: 'HTTP', Domains: ['example.com'] }

describe('the network of a container', () => {
  test('is none without anybody having to grant that', () => {
    for (const Type of ['None', 'Default'] as const) assert.equal(networkRefusal({ Type }, [], undefined), undefined)
  })

  test('is one that the operator has granted', () => {
    assert.equal(networkRefusal({ Type: 'Bridge' }, ['bridge'], undefined), undefined)
    assert.equal(networkRefusal(HTTP, ['http'], undefined), undefined)
    for (const Type of ['Host', 'Full'] as const) {
      assert.equal(networkRefusal({ Type }, ['host'], undefined), undefined)
      assert.match(
        networkRefusal({ Type }, ['http', 'bridge'], undefined) ?? '',
        new RegExp(`granted.*network ${Type}`),
      )
    }
    assert.match(networkRefusal(HTTP, ['bridge', 'host'], undefined) ?? '', /granted jobs the network HTTP/)
  })

  test('reaches listed domains, so that it needs a list', () => {
    for (const list of [{}, { Domains: [] }]) {
      assert.match(networkRefusal({ Type: 'HTTP', ...list }, ['http'], undefined) ?? '', /lists none/)
    }
  })

  test('is no HTTP where the runtime shares no loopback', () => {
    for (const runtime of ['runc', 'crun', 'io.containerd.runc.v2', 'youki']) {
      assert.equal(networkRefusal(HTTP, ['http'], runtime), undefined, runtime)
    }
    for (const runtime of ['runsc', 'kata-runtime', 'io.containerd.runsc.v1', 'runcc']) {
      assert.match(networkRefusal(HTTP, ['http'], runtime) ?? '', /keeps their loopback to itself/, runtime)
      assert.equal(networkRefusal({ Type: 'Bridge' }, ['bridge'], runtime), undefined, runtime)
    }
  })
})
