import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { describeProtocol, goProtocol } from './guarantees.ts'

describe('what a node speaks', () => {
  test('is the newest link of those of this program, about which nothing has to be said', () => {
    const protocols = ['bacalhau-link/v2', 'bacalhau-link/v3', 'bacalhau-link/v1', 'other']
    assert.deepEqual(describeProtocol(protocols), { Protocol: 'bacalhau-link/v3' })
    assert.deepEqual(describeProtocol([]), {})
  })

  test('is the release of the Go program, with what it cannot promise', () => {
    const { Protocol, Guarantees = [] } = describeProtocol([goProtocol('v1.2.3')])
    assert.equal(Protocol, 'go-libp2p/v1.2.3')
    assert.match(Guarantees.join('\n'), /asked about every 30 s/)
    const legacy = describeProtocol([goProtocol('v1.0.3')]).Guarantees ?? []
    assert.equal(legacy.length, Guarantees.length + 1)
    assert.match(legacy.at(-1) ?? '', /after an hour/)
  })
})
