import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeInfoSchema } from '@bacalhau/models'
import fc from 'fast-check'
import { nodeInfo, ownFacts, RECORDED, recorded, type Recorded } from './fixtures/statements.ts'
import { doubleForm, generationBForm, ownForm } from './go-forms.ts'
import { readStatement } from './read-statement.ts'

const PEER = 'QmQ7pRfW7zzPnEBLrkjSAXcNZ5UaqAiQbNLADByY8ohkd1'
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))

/** The ID that a recorded message is about. */
function subject({ json }: Recorded): string {
  const { PeerInfo } = (json['Info'] ?? json) as { readonly PeerInfo: { readonly ID: string } }
  return PeerInfo.ID
}

/** Keys in their order, all the way down; values by their type. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? [] : [shape(value[0])]
  if (typeof value !== 'object' || value === null) return value === null ? null : typeof value
  return Object.entries(value).map(([key, item]) => [key, shape(item)])
}

describe('messages of others', () => {
  for (const message of RECORDED) {
    test(`are read: ${message.who}`, () => {
      const id = subject(message)
      const read = readStatement(id, bytes(message.raw ?? message.json))
      assert.ok(read !== undefined)
      const node = (message.json['Info'] ?? message.json) as Record<string, unknown>
      const isCompute = node['NodeType'] === 'Compute' || node['NodeType'] === 1
      assert.deepEqual(
        [read.peerId, read.kind, read.role, read.generation],
        [id, 'go', isCompute ? 'Compute' : 'Requester', typeof node['NodeType'] === 'number' ? 'b' : 'c'],
      )
      const { version } = read
      assert.equal(version, /v1\.\d\.\d/.exec(JSON.stringify(node['BacalhauVersion']))?.[0])
      assert.ok(nodeInfoSchema.safeParse(read.info).success)
      assert.deepEqual(read.info.Labels, node['Labels'])
    })
  }

  test('tell what a compute node can do, in our terms', () => {
    const { info } =
      readStatement(
        subject(recorded('TS compute accepted by Go v1.0.3')),
        bytes(recorded('TS compute accepted by Go v1.0.3').json),
      ) ?? {}
    assert.deepEqual(info?.ComputeNodeInfo.ExecutionEngines, ['wasm'])
    assert.deepEqual(info?.ComputeNodeInfo.Publishers, ['noop', 'ipfs', 'estuary'])
    assert.deepEqual(info?.ComputeNodeInfo.StorageSources, ['ipfs', 'urldownload', 'inline'])
    assert.deepEqual(info?.ComputeNodeInfo.MaxCapacity, { CPU: 2, Memory: 4_294_967_296, Disk: 21_474_836_480, GPU: 0 })
  })

  test('count only when they are about their author', () => {
    for (const message of RECORDED)
      assert.equal(readStatement(PEER.replace('Qm', 'Qx'), bytes(message.json)), undefined)
  })

  test('may lack the ID of the node where that of the peer is there', () => {
    const { NodeID: _, ...rest } = recorded('Go v1.2.3 compute').json
    assert.equal(
      readStatement(subject(recorded('Go v1.2.3 compute')), bytes(rest))?.peerId,
      'QmWfU3m3RPNpus5fyQ7M2og3qU4Dh7gZ4xoFGHwJnfXYhn',
    )
  })

  test('are passed over when they come of a node that speaks other streams', () => {
    const b = recorded('TS compute accepted by Go v1.0.3')
    const of = (gitversion: string) =>
      readStatement(
        subject(b),
        bytes({ ...b.json, BacalhauVersion: { ...(b.json['BacalhauVersion'] as object), gitversion } }),
      )
    assert.deepEqual([of('v0.3.23'), of('v0.3.28'), of('v0.2.1')], [undefined, undefined, undefined])
    assert.deepEqual([of('v0.3.29')?.version, of('v1.0.0')?.version], ['v0.3.29', 'v1.0.0'])
  })

  test('lose addresses that cannot be dialled, and nothing else by them', () => {
    const go = recorded('Go v1.2.3 compute')
    const id = subject(go)
    const good = ['/ip4/192.0.2.7/tcp/1235', '/ip6/2001:db8::1/tcp/1235', '/dns4/node.example/tcp/1']
    const bad = ['/ip4/192.0.2.7/udp/1235/quic-v1', '/ip4/192.0.2.7/tcp/0', '/ip4/1.2.3.4.5/tcp/1', 'nonsense', 7, null]
    const Addrs = [...bad, ...good, `/ip4/192.0.2.8/tcp/1235/p2p/${id}`, `/ip4/192.0.2.9/tcp/1235/p2p/${PEER}`]
    const read = readStatement(id, bytes({ ...go.json, PeerInfo: { ID: id, Addrs } }))
    assert.deepEqual(read?.addresses, [...good, '/ip4/192.0.2.8/tcp/1235'])
  })
})

describe('JSON as Go reads it', () => {
  const respell = (value: unknown, change: (key: string) => string): unknown => {
    if (Array.isArray(value)) return value.map((item) => respell(item, change))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key === 'Labels' ? key : change(key),
        key === 'Labels' ? item : respell(item, change),
      ]),
    )
  }

  for (const change of [(key: string) => key.toLowerCase(), (key: string) => key.toUpperCase()]) {
    test(`the case of keys does not matter: ${change('NodeID')}`, () => {
      for (const message of RECORDED) {
        const id = subject(message)
        const respelled = readStatement(id, bytes(respell(message.json, change)))
        assert.deepEqual(respelled, readStatement(id, bytes(message.json)))
      }
      const own = doubleForm(ownFacts(PEER, { sequence: 9, goPeers: ['b'] }))
      assert.deepEqual(readStatement(PEER, bytes(respell(own, change))), readStatement(PEER, bytes(own)))
    })
  }

  test('the last of two spellings wins, and unknown keys are passed over', () => {
    const text = `{"nodeid":"x","NodeID":"${PEER}","New":{"a":[1]},"NodeType":"Compute","Labels":null,"ComputeNodeInfo":null}`
    assert.deepEqual(readStatement(PEER, bytes(text))?.info.ComputeNodeInfo.ExecutionEngines, [])
  })

  const someone = fc.constantFrom(
    ...RECORDED.map(({ json }) => json),
    doubleForm(ownFacts(PEER)),
    ownForm(ownFacts(PEER)),
  )

  test('whatever becomes of one value, reading never throws, and what it gives is well-formed', () => {
    const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(null, -1, 1.5, 1e300, '', 'Compute', [], {}))
    fc.assert(
      fc.property(someone, fc.nat(), junk, (message, pick, value) => {
        const paths: string[][] = []
        const walk = (node: unknown, path: string[]): void => {
          if (path.length > 0) paths.push(path)
          if (typeof node === 'object' && node !== null)
            for (const [key, item] of Object.entries(node)) walk(item, [...path, key])
        }
        walk(message, [])
        const mutated = structuredClone(message) as Record<string, unknown>
        const path = paths[pick % paths.length] ?? []
        let at: Record<string, unknown> = mutated
        for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>
        at[path.at(-1) ?? ''] = value
        for (const author of [PEER, ...RECORDED.map(subject)]) {
          const read = readStatement(author, bytes(mutated))
          if (read !== undefined) assert.ok(nodeInfoSchema.safeParse(read.info).success, JSON.stringify(read.info))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('cut, garbled or strange bytes are no message', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (data) => void readStatement(PEER, data)))
    fc.assert(
      fc.property(someone, fc.nat(), (message, cut) => {
        const whole = bytes(message)
        assert.equal(readStatement(PEER, whole.subarray(0, cut % whole.length)), undefined)
      }),
    )
    for (const text of ['null', '[]', '"x"', '1', '{}', '{"Bacalhau":null}', '{"Bacalhau":{}}', '['.repeat(30_000)])
      assert.equal(readStatement(PEER, bytes(text)), undefined)
  })
})

describe('messages of ours', () => {
  /** What a reader of the flat fields passes over. */
  function withoutOthers(form: object): Record<string, unknown> {
    const { Info: _i, Membership: _m, Connection: _c, Bacalhau: _b, ...flat } = form as Record<string, unknown>
    return flat
  }

  const accepted = recorded('TS compute accepted by both v1.2.3 and v1.3.1 (double form)').json

  test('have the flat fields that v1.2.3 took, in the same order and of the same kinds', () => {
    const flat = withoutOthers(doubleForm(ownFacts(PEER)))
    const labels = { Labels: accepted['Labels'] }
    assert.deepEqual(shape({ ...flat, ...labels }), shape({ ...accepted, ...labels }))
    assert.deepEqual(flat['BacalhauVersion'], accepted['BacalhauVersion'])
    assert.deepEqual(flat['ComputeNodeInfo'], accepted['ComputeNodeInfo'])
    assert.equal(flat['Approval'], 'APPROVED')
  })

  test('have the state that v1.3.1 sends itself, in the same order and of the same kinds', () => {
    const theirs = recorded('Go v1.3.1 compute (--network libp2p)').json
    for (const form of [doubleForm, generationBForm]) {
      const { Info, Membership, Connection } = form(ownFacts(PEER)) as Record<string, object>
      const alike = { Labels: {}, PeerInfo: {} }
      assert.deepEqual(
        shape({ Info: { ...Info, ...alike }, Membership, Connection }),
        shape({ ...theirs, Info: { ...(theirs['Info'] as object), ...alike } }),
      )
    }
  })

  test('have the form that v1.0.3 took', () => {
    const theirs = recorded('TS compute accepted by Go v1.0.3').json
    const ours = withoutOthers(generationBForm(ownFacts(PEER, { addresses: [] })))
    const labels = { Labels: theirs['Labels'] }
    assert.deepEqual(shape({ ...ours, ...labels }), shape({ ...theirs, ...labels }))
    assert.deepEqual(ours['BacalhauVersion'], theirs['BacalhauVersion'])
  })

  test('tell of a requester as Go does', () => {
    const facts = ownFacts(PEER, { info: nodeInfo(PEER, { NodeType: 'Requester' }), addresses: [] })
    const flat = withoutOthers(doubleForm(facts))
    const labels = { Labels: {} }
    assert.deepEqual(shape({ ...flat, ...labels }), shape({ ...recorded('Go v1.2.3 requester').json, ...labels }))
    const b = withoutOthers(generationBForm(facts))
    assert.deepEqual(shape({ ...b, ...labels }), shape({ ...recorded('Go v1.0.3 requester').json, ...labels }))
  })

  test('take a node that leaves, or does no work for Go nodes, out of their candidates', () => {
    for (const change of [{ leaving: true }, { worksForGo: false }]) {
      const double = doubleForm(ownFacts(PEER, change)) as Record<string, Record<string, unknown>>
      assert.deepEqual([double['NodeType'], double['Info']?.['NodeType']], ['Requester', 'Requester'])
      assert.ok(!('ComputeNodeInfo' in double) && !('ComputeNodeInfo' in (double['Info'] ?? {})))
      const b = generationBForm(ownFacts(PEER, change)) as Record<string, unknown>
      assert.deepEqual([b['NodeType'], b['ComputeNodeInfo']], [0, null])
    }
  })

  test('hold whole numbers, and names that Go knows', () => {
    const base = nodeInfo(PEER)
    const MaxCapacity = { CPU: 1.5, Memory: 1_000.5, Disk: 7.9, GPU: 1 }
    const lists = {
      ExecutionEngines: ['wasm', 'new'],
      Publishers: ['noop', 's3', 's3managed'],
      StorageSources: ['local', 's3'],
    }
    const info = { ...base, ComputeNodeInfo: { ...base.ComputeNodeInfo, MaxCapacity, ...lists } }
    const { ComputeNodeInfo: c } = doubleForm(ownFacts(PEER, { info })) as Record<string, Record<string, unknown>>
    assert.deepEqual(c?.['MaxCapacity'], { CPU: 1.5, Memory: 1_000, Disk: 7, GPU: 1 })
    assert.deepEqual(
      [c?.['ExecutionEngines'], c?.['Publishers'], c?.['StorageSources']],
      [['wasm'], ['noop', 's3'], ['s3']],
    )
    const { ComputeNodeInfo: b } = generationBForm(ownFacts(PEER, { info })) as Record<string, Record<string, unknown>>
    assert.deepEqual(
      [b?.['ExecutionEngines'], b?.['Publishers'], b?.['StorageSources']],
      [['Wasm'], ['Noop', 'S3'], ['S3']],
    )
  })

  test('are read back as they were meant, from each form', () => {
    const facts = ownFacts(PEER, { sequence: 7, goPeers: ['b', 'c'], worksForGo: false })
    for (const form of [ownForm, doubleForm, generationBForm]) {
      const read = readStatement(PEER, bytes(form(facts)))
      assert.deepEqual(read?.info, facts.info)
      assert.deepEqual([read?.kind, read?.version, read?.sequence], ['bacalhau', 'v0.1.0', 7])
      assert.deepEqual([read?.goPeers, read?.leaving, read?.addresses], [['b', 'c'], false, facts.addresses])
    }
    assert.equal(readStatement(PEER, bytes(ownForm({ ...facts, leaving: true })))?.leaving, true)
  })
})
