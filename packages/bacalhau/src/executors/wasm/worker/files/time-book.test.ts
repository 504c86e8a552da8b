import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FILE_TYPE, type FileStat, virtualStat } from './stat.ts'
import { createTimeBook } from './time-book.ts'

const stat = (inode: bigint, accessed: bigint, modified: bigint): FileStat => ({
  ...virtualStat(FILE_TYPE.regularFile),
  inode,
  accessed,
  modified,
})

test('times are what was set while the host shows what it made of them', () => {
  const book = createTimeBook()
  book.note(stat(1n, 1_000n, 2_000n), { accessed: 1_001n, modified: 1_990n })
  const { accessed, modified } = book.exactly(stat(1n, 1_000n, 2_000n))
  assert.deepEqual([accessed, modified], [1_001n, 1_990n])
  assert.equal(book.exactly(stat(2n, 1_000n, 2_000n)).accessed, 1_000n, 'another file')
  assert.equal(book.exactly({ ...stat(1n, 1_000n, 2_000n), device: 9n }).accessed, 1_000n, 'another mount')
})

test('whoever touches a file after that is believed, for each time alone', () => {
  const book = createTimeBook()
  book.note(stat(1n, 1_000n, 2_000n), { accessed: 1_001n, modified: 1_990n })
  const { accessed, modified } = book.exactly(stat(1n, 1_000n, 5_000n))
  assert.deepEqual([accessed, modified], [1_001n, 5_000n])
})

test('a time that the file system cannot have is what the file system made of it', () => {
  const book = createTimeBook()
  book.note(stat(1n, 0n, 2_000n), { accessed: 2n ** 63n, modified: 2_999n })
  const { accessed, modified } = book.exactly(stat(1n, 0n, 2_000n))
  assert.deepEqual([accessed, modified], [0n, 2_999n])
})

test('a job that sets the times of ever new files is remembered only so far', () => {
  const book = createTimeBook()
  for (let inode = 0n; inode < 10_001n; inode++) book.note(stat(inode, 5n, 5n), { accessed: 6n, modified: 6n })
  assert.equal(book.exactly(stat(0n, 5n, 5n)).accessed, 5n)
  assert.equal(book.exactly(stat(1n, 5n, 5n)).accessed, 6n)
})
