import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { accepted, refused } from '../test/samples.ts'
import { parseDocument, parseRecord } from './parse.ts'
import {
  addResources,
  fits,
  lacking,
  NO_RESOURCES,
  type Resources,
  resourcesConfigSchema,
  resourcesSchema,
  subtractResources,
  toResources,
} from './resources.ts'

const amounts: fc.Arbitrary<Resources> = fc.record(
  { CPU: fc.nat(1_000_000).map((milli) => milli / 1_000), Memory: fc.nat(), Disk: fc.nat(), GPU: fc.nat(64) },
  { noNullPrototype: true },
)

describe('resources of a spec', () => {
  const parse = (config: unknown) => parseDocument(resourcesConfigSchema, config)

  test('numbers, spaces and letter case are tidied', () => {
    assert.deepEqual(accepted(parse({ CPU: 1.5, Memory: '512 Mb', disk: ' 10 GB\n', Gpu: 1 })), {
      CPU: '1.5',
      Memory: '512mb',
      Disk: '10gb',
      GPU: '1',
    })
  })

  test('empty and null mean not given', () => {
    assert.deepEqual(accepted(parse({ CPU: '', Memory: null })), { CPU: '' })
  })

  test('each bad value is named', () => {
    assert.deepEqual(refused(parse({ CPU: 'fast', Memory: '1 apple', Disk: -5, GPU: '1.5' })), [
      'CPU: invalid CPU value: fast',
      'Memory: invalid memory value: 1apple',
      'Disk: invalid disk value: -5',
      'GPU: invalid GPU value: 1.5',
    ])
  })

  test('other types and endless text are refused', () => {
    assert.deepEqual(refused(parse({ CPU: ['1'] })), ['CPU: expected text, got a list'])
    assert.deepEqual(refused(parse({ CPU: '1'.repeat(33) })), ['CPU: longer than 32 characters'])
    assert.deepEqual(refused(parse({ Memroy: '1gb' })), ["unknown field 'Memroy' (did you mean 'Memory'?)"])
  })

  test('become numbers; defaults fill what is not given', () => {
    const defaults = { CPU: 0.5, Memory: 512e6, Disk: 1e9, GPU: 0 }
    assert.deepEqual(toResources({}, defaults), defaults)
    assert.deepEqual(toResources({ CPU: '', Memory: '1gb', GPU: '2' }, defaults), {
      CPU: 0.5,
      Memory: 1e9,
      Disk: 1e9,
      GPU: 2,
    })
    assert.deepEqual(toResources({ CPU: '0', Disk: '0' }, defaults), { ...defaults, CPU: 0, Disk: 0 })
  })
})

describe('resources in numbers', () => {
  test('what is left out is zero; what is no amount is refused', () => {
    assert.deepEqual(accepted(parseRecord(resourcesSchema, {})), NO_RESOURCES)
    for (const broken of [{ CPU: -1 }, { CPU: NaN }, { Memory: 1.5 }, { GPU: 0.5 }, { Disk: Infinity }, { GPUs: [] }]) {
      assert.equal(parseRecord(resourcesSchema, broken).ok, false, JSON.stringify(broken))
    }
  })

  test('adding is commutative, associative, and nothing is its zero', () => {
    fc.assert(
      fc.property(amounts, amounts, amounts, (a, b, c) => {
        assert.deepEqual(addResources(a, b), addResources(b, a))
        assert.deepEqual(addResources(addResources(a, b), c), addResources(a, addResources(b, c)))
        assert.deepEqual(addResources(a, NO_RESOURCES), a)
      }),
    )
  })

  test('subtracting undoes adding and never goes below zero', () => {
    fc.assert(
      fc.property(amounts, amounts, (a, b) => {
        assert.deepEqual(subtractResources(addResources(a, b), b), a)
        assert.ok(Object.values(subtractResources(a, b)).every((amount) => amount >= 0))
        assert.deepEqual(subtractResources(a, a), NO_RESOURCES)
      }),
    )
  })

  test('cores do not drift', () => {
    let sum = NO_RESOURCES
    for (let i = 0; i < 10; i++) sum = addResources(sum, { ...NO_RESOURCES, CPU: 0.1 })
    assert.equal(sum.CPU, 1)
  })

  test('fitting is an order, kept by adding', () => {
    fc.assert(
      fc.property(amounts, amounts, amounts, (a, b, c) => {
        assert.ok(fits(a, a))
        assert.ok(fits(a, addResources(a, b)))
        assert.ok(!fits(a, b) || fits(addResources(a, c), addResources(b, c)))
        assert.ok(!(fits(a, b) && fits(b, a)) || lacking(a, b).length === 0)
        assert.equal(fits(a, b), fits(subtractResources(a, b), NO_RESOURCES))
      }),
    )
  })

  test('what lacks is said in words, each kind once', () => {
    const wanted = { CPU: 4, Memory: 8e9, Disk: 1e12, GPU: 2 }
    assert.deepEqual(lacking(wanted, { CPU: 2, Memory: 4e9, Disk: 1e11, GPU: 0 }), [
      '4 cores of CPU (2 available)',
      '8 GB of memory (4 GB available)',
      '1 TB of disk (100 GB available)',
      '2 GPUs (0 available)',
    ])
    assert.deepEqual(lacking(wanted, wanted), [])
  })

  test('a difference that rounding would hide is shown in bytes', () => {
    assert.deepEqual(lacking({ ...NO_RESOURCES, Memory: 512_000_001 }, { ...NO_RESOURCES, Memory: 512_000_000 }), [
      '512000001 bytes of memory (512000000 bytes available)',
    ])
  })
})
