import assert from 'node:assert/strict'
import type { BigIntStats } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { RunEnded } from '../../failure.ts'
import { createLedger } from './ledger.ts'

/** The part of a file's facts that the ledger looks at. */
const stat = (inode: number, size: number, links = 1, directory = false) =>
  ({
    dev: 1n,
    ino: BigInt(inode),
    size: BigInt(size),
    nlink: BigInt(links),
    isDirectory: () => directory,
  }) as BigIntStats

const code = (action: () => void) => {
  try {
    action()
  } catch (error) {
    if (error instanceof RunEnded && error.ending.kind === 'failed') return error.ending.code
    throw error
  }
  return 'fine'
}

describe('bytes', () => {
  test('are counted up to the limit and not beyond', () => {
    const ledger = createLedger({ disk: 100, files: 1 })
    ledger.takeBytes(60)
    assert.equal(
      code(() => ledger.takeBytes(41)),
      'WasmDiskLimit',
    )
    assert.equal(
      code(() => ledger.takeBytes(40)),
      'fine',
    )
    ledger.giveBytes(10)
    assert.equal(
      code(() => ledger.takeBytes(11)),
      'WasmDiskLimit',
    )
  })

  test('never count below zero', () => {
    const ledger = createLedger({ disk: 100, files: 1 })
    ledger.giveBytes(1_000)
    assert.equal(
      code(() => ledger.takeBytes(101)),
      'WasmDiskLimit',
    )
  })

  test('of one file are the same through every descriptor', () => {
    const ledger = createLedger({ disk: 100, files: 1 })
    const one = ledger.open(stat(7, 0))
    const two = ledger.open(stat(7, 0))
    ledger.extend(one, 80)
    ledger.extend(two, 80)
    assert.equal(two.size, 80)
    ledger.shrink(two, 30)
    assert.equal(
      code(() => ledger.takeBytes(70)),
      'fine',
    )
  })

  test('of a removed file are given back with its last descriptor', () => {
    const ledger = createLedger({ disk: 100, files: 1 })
    const one = ledger.open(stat(7, 0))
    const two = ledger.open(stat(7, 0))
    ledger.extend(one, 100)
    ledger.removed(stat(7, 100))
    ledger.close(one, true)
    assert.equal(
      code(() => ledger.takeBytes(1)),
      'WasmDiskLimit',
    )
    ledger.close(two, true)
    assert.equal(
      code(() => ledger.takeBytes(100)),
      'fine',
    )
  })

  test('of a file with another name stay', () => {
    const ledger = createLedger({ disk: 100, files: 1 })
    ledger.takeBytes(100)
    ledger.removed(stat(7, 100, 2))
    assert.equal(
      code(() => ledger.takeBytes(1)),
      'WasmDiskLimit',
    )
  })

  test('of a directory were never counted', () => {
    const ledger = createLedger({ disk: 100, files: 1 })
    ledger.takeBytes(100)
    ledger.removed(stat(7, 4_096, 1, true))
    assert.equal(
      code(() => ledger.takeBytes(1)),
      'WasmDiskLimit',
    )
  })
})

test('files are counted', () => {
  const ledger = createLedger({ disk: 0, files: 2 })
  ledger.takeFile()
  ledger.takeFile()
  assert.equal(
    code(() => ledger.takeFile()),
    'WasmFileLimit',
  )
  ledger.removed(stat(1, 0))
  assert.equal(
    code(() => ledger.takeFile()),
    'fine',
  )
})

test('the account never falls below what is really there (property)', () => {
  const step = fc.record({
    what: fc.constantFrom('open', 'close', 'extend', 'shrink', 'remove'),
    inode: fc.nat(3),
    size: fc.nat(60),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const LIMIT = 100
      const ledger = createLedger({ disk: LIMIT, files: 1_000 })
      /** What a real disk would hold: files by inode, with a name or not, open or not. */
      const disk = new Map<number, { size: number; named: boolean; open: ReturnType<typeof ledger.open>[] }>()
      const total = () =>
        [...disk.values()].reduce((sum, file) => sum + (file.named || file.open.length > 0 ? file.size : 0), 0)
      for (const { what, inode, size } of steps) {
        const file = disk.get(inode) ?? { size: 0, named: true, open: [] }
        disk.set(inode, file)
        const tracked = file.open.at(-1)
        try {
          if (what === 'open' && file.named) file.open.push(ledger.open(stat(inode, file.size)))
          if (what === 'close' && tracked) {
            file.open.pop()
            ledger.close(tracked, !file.named)
          }
          if (what === 'extend' && tracked) {
            ledger.extend(tracked, size)
            file.size = Math.max(file.size, size)
          }
          if (what === 'shrink' && tracked) {
            file.size = Math.min(file.size, size)
            ledger.shrink(tracked, size)
          }
          if (what === 'remove' && file.named) {
            file.named = false
            ledger.removed(stat(inode, file.size))
          }
          if (!file.named && file.open.length === 0) disk.delete(inode)
        } catch (error) {
          assert.ok(error instanceof RunEnded)
        }
        assert.ok(total() <= LIMIT)
      }
    }),
  )
})
