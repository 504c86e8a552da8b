import assert from 'node:assert/strict'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { createArena } from './fixtures/harness.ts'
import { DIRECTORY_RIGHTS, FILE_RIGHTS, RIGHT } from './worker/wasi/rights.ts'

// What each system call does when it is used as intended. The expectations are those of the public WASI test suite
// (WebAssembly/wasi-testsuite, preview 1) where it has any.
const arena = createArena()
const CREATE = 1
const DIRECTORY = 2
const EXCLUSIVE = 4
const TRUNCATE = 8
const APPEND = 1
const NO_FOLLOW = 0
const open = (name: string, flags = CREATE, fdFlags = 0) => ['open', 5, name, flags, FILE_RIGHTS, 0, fdFlags]
const probe = (...calls: (string | number | bigint)[][]) => arena.probe(calls)
const file = (name: string) => path.join(arena.outputs, name)
/** Without the time of modification. */
const untimed = (line: string | undefined) => line?.replace(/ \d+$/, '')

beforeEach(() => {
  for (const folder of [arena.inputs, arena.outputs]) {
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name), { recursive: true })
  }
})

describe('reading and writing', () => {
  test('go on where they stopped, and anywhere', async () => {
    assert.deepEqual(
      await probe(
        open('f'),
        ['write', 6, 'hello '],
        ['write', 6, 'world'],
        ['tell', 6],
        ['seek', 6, -5, 2],
        ['read', 6, 3],
        ['seek', 6, 1, 1],
        ['read', 6, 10],
        ['read', 6, 10],
        ['pread', 6, 4, 1],
        ['pwrite', 6, 'J', 0],
        ['tell', 6],
        ['seek', 6, -1, 0],
        ['seek', 6, 0, 9],
      ),
      [
        'open 0 6',
        'write 0 6',
        'write 0 5',
        'tell 0 11',
        'seek 0 6',
        'read 0 wor',
        'seek 0 10',
        'read 0 d',
        'read 0',
        'pread 0 ello',
        'pwrite 0 1',
        'tell 0 11',
        'seek 28',
        'seek 28',
      ],
    )
    assert.equal(readFileSync(file('f'), 'utf8'), 'Jello world')
  })

  test('beyond the end leave a hole', async () => {
    const lines = await probe(open('f'), ['seek', 6, 3, 0], ['write', 6, 'x'], ['fd_stat', 6])
    assert.equal(untimed(lines[3]), 'fd_stat 0 4 4')
    assert.equal(readFileSync(file('f'), 'latin1'), '\0\0\0x')
  })

  test('append, as long as the flag is set', async () => {
    await probe(
      open('f', CREATE, APPEND),
      ['write', 6, 'one'],
      ['seek', 6, 0, 0],
      ['write', 6, 'two'],
      ['pwrite', 6, 'three', 0],
      ['set_flags', 6, 0],
      ['seek', 6, 0, 0],
      ['write', 6, 'O'],
    )
    assert.equal(readFileSync(file('f'), 'utf8'), 'Onetwothree')
  })

  test('flags are kept; those of synchronous writing cannot be changed later', async () => {
    const lines = await probe(
      open('f', CREATE, 1 | 16),
      ['rights', 6],
      ['set_flags', 6, 16],
      ['set_flags', 6, 0],
      ['sync', 6],
      ['datasync', 6],
      ['advise', 6, 5],
      ['advise', 6, 6],
    )
    assert.match(lines[1] ?? '', /^rights 0 4 17 /)
    assert.deepEqual(lines.slice(2), ['set_flags 0', 'set_flags 58', 'sync 0', 'datasync 0', 'advise 0', 'advise 28'])
  })

  test('sizes are set and allocated', async () => {
    const lines = await probe(
      open('f'),
      ['allocate', 6, 0, 100],
      ['allocate', 6, 10, 10],
      ['fd_stat', 6],
      ['allocate', 6, 90, 20],
      ['fd_stat', 6],
      ['set_size', 6, 5],
      ['fd_stat', 6],
      ['allocate', 6, 0, 0],
    )
    assert.deepEqual([lines[3], lines[5], lines[7]].map(untimed), [
      'fd_stat 0 4 100',
      'fd_stat 0 4 110',
      'fd_stat 0 4 5',
    ])
    assert.equal(lines[8], 'allocate 28')
  })
})

describe('opening', () => {
  test('point 14: creates, truncates, or insists on creating', async () => {
    const lines = await probe(
      open('f'),
      ['write', 6, 'abc'],
      open('f', CREATE),
      ['read', 7, 9],
      open('f', CREATE | EXCLUSIVE),
      open('f', TRUNCATE),
      ['fd_stat', 6],
      open('none', 0),
      open('f', DIRECTORY),
      open('f/', 0),
      open('new/', CREATE),
    )
    assert.deepEqual(
      [lines[3], lines[4], lines[5], untimed(lines[6]), ...lines.slice(7)],
      ['read 0 abc', 'open 20', 'open 0 8', 'fd_stat 0 4 0', 'open 44', 'open 54', 'open 54', 'open 44'],
    )
  })

  test('point 14: at the path that the spec gives, and makes nothing that is only looked for', async () => {
    const hostPath = path.join(arena.folder, 'results-of-any-name')
    mkdirSync(hostPath)
    const mounts = [{ hostPath, guestPath: '/deep/place', readOnly: false }]
    const at = (name: string, flags: number) => ['open', 3, `deep/place/${name}`, flags, FILE_RIGHTS, 0, 0]
    const lines = await arena.probe([at('read', 0), at('made', CREATE), ['mkdir', 3, 'deep/place/folder']], { mounts })
    assert.deepEqual(lines, ['open 44', 'open 0 6', 'mkdir 0'])
    assert.deepEqual(readdirSync(hostPath).toSorted(), ['folder', 'made'])
  })

  test('truncates without the right to write', async () => {
    writeFileSync(file('f'), 'abc')
    const lines = await probe(['open', 5, 'f', TRUNCATE, 0, 0, 0], ['write', 6, 'x'])
    assert.deepEqual([...lines, readFileSync(file('f'), 'utf8')], ['open 0 6', 'write 76', ''])
  })

  test('directories, but not for writing', async () => {
    mkdirSync(file('d'))
    const lines = await probe(
      ['open', 5, 'd', 0, 0],
      ['open', 5, 'd/', 0, 0],
      ['open', 5, 'd', DIRECTORY, RIGHT.fdRead | RIGHT.fdWrite],
      ['open', 5, '.', DIRECTORY, RIGHT.fdSeek | DIRECTORY_RIGHTS],
      ['rights', 8],
      ['open', 5, 'd', CREATE | EXCLUSIVE, 0],
      ['open', 5, 'd', TRUNCATE, 0],
      ['read', 6, 1],
      ['fd_stat', 6],
    )
    assert.deepEqual(lines.slice(0, 8), [
      'open 0 6',
      'open 0 7',
      'open 31',
      'open 0 8',
      `rights 0 3 0 ${DIRECTORY_RIGHTS}`,
      'open 20',
      'open 31',
      'read 31',
    ])
    assert.equal(lines[8], 'fd_stat 76')
  })

  test('follows a link only when told to', async () => {
    writeFileSync(file('f'), 'abc')
    mkdirSync(file('d'))
    symlinkSync('f', file('to-file'))
    symlinkSync('d', file('to-directory'))
    symlinkSync('gone', file('dangling'))
    const at = (name: string, flags: number, lookup: number) => ['open', 5, name, flags, 0, 0, 0, lookup]
    const lines = await probe(
      at('to-file', 0, 1),
      at('to-file', 0, NO_FOLLOW),
      at('to-directory', DIRECTORY, 1),
      at('to-directory', DIRECTORY, NO_FOLLOW),
      at('to-directory/', 0, NO_FOLLOW),
      at('to-file', DIRECTORY, 1),
      at('dangling', 0, 1),
      at('dangling', CREATE | EXCLUSIVE, NO_FOLLOW),
      at('dangling', CREATE, 1),
    )
    assert.deepEqual(lines, [
      'open 0 6',
      'open 32',
      'open 0 7',
      'open 54',
      'open 0 8',
      'open 54',
      'open 44',
      'open 20',
      'open 0 9',
    ])
    assert.ok(lstatSync(file('gone')).isFile())
  })
})

describe('facts', () => {
  test('of files, directories and links', async () => {
    writeFileSync(file('f'), 'abc')
    utimesSync(file('f'), 1_000, 2_000)
    symlinkSync('f', file('l'))
    const lines = await probe(
      ['stat', 5, 'f'],
      ['stat', 5, 'l'],
      ['stat', 5, 'l', NO_FOLLOW],
      ['stat', 5, '.'],
      ['stat', 3, '.'],
      ['stat', 3, 'inputs/'],
      ['stat', 5, 'f/'],
      ['stat', 5, 'none'],
      ['fd_stat', 1],
    )
    assert.deepEqual(lines.slice(0, 2), ['stat 0 4 3 2000000000000', 'stat 0 4 3 2000000000000'])
    assert.equal(untimed(lines[2]), 'stat 0 7 1')
    assert.match(lines[3] ?? '', /^stat 0 3 /)
    assert.equal(lines[4], 'stat 0 3 0 0', 'the root exists only in the sandbox')
    assert.deepEqual(lines.slice(6), ['stat 54', 'stat 44', 'fd_stat 0 2 0 0'])
  })

  test('times are set, to now or to what is given', async () => {
    writeFileSync(file('f'), '')
    symlinkSync('f', file('l'))
    const MODIFIED = 4
    const NOW = 8
    const lines = await probe(
      ['path_times', 5, 'l', 1, 0, 3_000_000_000, MODIFIED],
      ['stat', 5, 'f'],
      open('f', 0),
      ['set_times', 6, 0, 4_000_000_000, MODIFIED],
      ['stat', 5, 'f'],
      ['set_times', 6, 0, 0, MODIFIED | NOW],
      ['path_times', 5, 'f', 1, 0, 0, 3],
      ['stat', 5, 'f'],
      ['path_times', 5, 'f', 1, 0, 0, NOW],
    )
    assert.deepEqual(lines, [
      'path_times 0',
      'stat 0 4 0 3000000000',
      'open 0 6',
      'set_times 0',
      'stat 0 4 0 4000000000',
      'set_times 28',
      'path_times 28',
      'stat 0 4 0 4000000000',
      'path_times 0',
    ])
    assert.ok(lstatSync(file('f')).mtimeMs > 1.7e12)
    assert.ok(lstatSync(file('l')).mtimeMs > 1.7e12, 'the link itself was left alone')
  })
})

describe('directories', () => {
  test('are listed whole, also in small pieces', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `file-${String(index).padStart(2, '0')}`)
    for (const name of names) writeFileSync(file(name), '')
    mkdirSync(file('z'))
    symlinkSync('z', file('zz'))
    const expected = `list 0 .:3 ..:3 ${names.map((name) => `${name}:4 `).join('')}z:3 zz:7 `
    const lines = await probe(['list', 5], ['list', 5, 64], ['list', 5, 100], ['list', 3])
    assert.deepEqual(lines.slice(0, 3), [expected, expected, expected])
    assert.equal(lines[3], 'list 0 .:3 ..:3 inputs:3 outputs:3 wasm:3 ')
  })

  test('point 14: are made and removed', async () => {
    writeFileSync(file('f'), '')
    const lines = await probe(
      ['mkdir', 5, 'd/'],
      ['mkdir', 5, 'd'],
      ['mkdir', 5, 'f'],
      ['mkdir', 5, 'd/e'],
      ['rmdir', 5, 'd'],
      ['unlink', 5, 'd/e'],
      ['rmdir', 5, 'd/e/'],
      ['rmdir', 5, 'd'],
      ['rmdir', 5, 'f'],
      ['rmdir', 5, 'none'],
      ['rmdir', 5, '.'],
      ['mkdir', 4, '.'],
    )
    assert.deepEqual(lines, [
      'mkdir 0',
      'mkdir 20',
      'mkdir 20',
      'mkdir 0',
      'rmdir 55',
      'unlink 31',
      'rmdir 0',
      'rmdir 0',
      'rmdir 54',
      'rmdir 44',
      'rmdir 10',
      'mkdir 20',
    ])
  })

  test('stay usable while open, also when removed', async () => {
    const lines = await probe(
      ['mkdir', 5, 'd'],
      ['open', 5, 'd', DIRECTORY, DIRECTORY_RIGHTS],
      ['rmdir', 5, 'd'],
      ['list', 6],
      ['open', 6, 'f', CREATE, 2],
      ['close', 6],
      ['close', 6],
    )
    assert.deepEqual(lines, ['mkdir 0', 'open 0 6', 'rmdir 0', 'list 0 .:3 ..:3 ', 'open 44', 'close 0', 'close 8'])
  })
})

describe('names', () => {
  test('are moved, over what may be replaced', async () => {
    for (const name of ['a', 'b']) writeFileSync(file(name), name)
    for (const name of ['d', 'e', 'full']) mkdirSync(file(name))
    writeFileSync(file('full/x'), '')
    const move = (from: string, to: string) => ['rename', 5, from, 5, to]
    const lines = await probe(
      move('a', 'b'),
      move('b', 'd'),
      move('d', 'b'),
      move('d', 'e'),
      move('e', 'full'),
      move('full', 'full/in'),
      move('none', 'x'),
      move('b', 'c/'),
      move('e/', 'g/'),
      move('b', 'b'),
    )
    assert.deepEqual(lines, [
      'rename 0',
      'rename 31',
      'rename 54',
      'rename 0',
      'rename 55',
      'rename 28',
      'rename 44',
      'rename 54',
      'rename 0',
      'rename 0',
    ])
    assert.deepEqual(readdirSync(arena.outputs).sort(), ['b', 'full', 'g'])
    assert.equal(readFileSync(file('b'), 'utf8'), 'a')
  })

  test('are removed, links as links', async () => {
    writeFileSync(file('f'), '')
    symlinkSync('f', file('l'))
    const lines = await probe(['unlink', 5, 'f/'], ['unlink', 5, 'l'], ['unlink', 5, 'l'], ['unlink', 5, 'f'])
    assert.deepEqual(lines, ['unlink 54', 'unlink 0', 'unlink 44', 'unlink 0'])
  })

  test('are linked', async () => {
    writeFileSync(file('f'), '')
    mkdirSync(file('d'))
    const link = (from: string, to: string, lookup = 0) => ['link', 5, from, 5, to, lookup]
    const lines = await probe(
      link('f', 'g'),
      link('f', 'g'),
      link('f', 'f'),
      link('d', 'h'),
      link('f', 'h/'),
      link('none', 'h'),
      link('f', 'h', 1),
      ['symlink', 5, 'loop', 'loop'],
      link('loop', 'again'),
    )
    assert.deepEqual(lines, [
      'link 0',
      'link 20',
      'link 20',
      'link 63',
      'link 44',
      'link 44',
      'link 28',
      'symlink 0',
      'link 0',
    ])
    assert.equal(lstatSync(file('g')).nlink, 2)
  })

  test('of symbolic links, made and read', async () => {
    writeFileSync(file('f'), '')
    mkdirSync(file('d'))
    const lines = await probe(
      ['symlink', 5, 'target', 'l'],
      ['readlink', 5, 'l'],
      ['readlink', 5, 'l', 4],
      ['readlink', 5, 'f'],
      ['readlink', 5, 'd'],
      ['readlink', 5, 'none'],
      ['symlink', 5, 'x', 'l'],
      ['symlink', 5, 'x', 'd/'],
      ['symlink', 5, 'x', 'f/'],
      ['symlink', 5, 'x', 'new/'],
      ['symlink', 5, '', 'new'],
    )
    assert.deepEqual(lines, [
      'symlink 0',
      'readlink 0 target',
      'readlink 0 targ',
      'readlink 28',
      'readlink 28',
      'readlink 44',
      'symlink 20',
      'symlink 20',
      'symlink 20',
      'symlink 44',
      'symlink 44',
    ])
  })
})

describe('descriptors', () => {
  test('are numbered from the lowest free one, and renumbered onto open ones only', async () => {
    const lines = await probe(
      open('a'),
      open('b'),
      ['write', 6, 'A'],
      ['renumber', 6, 7],
      ['close', 6],
      ['write', 7, 'B'],
      ['renumber', 7, 6],
      open('c'),
      ['renumber', 7, 7],
      ['renumber', 5, 3],
      ['mkdir', 3, 'made'],
      ['preopen', 3],
    )
    assert.deepEqual(lines, [
      'open 0 6',
      'open 0 7',
      'write 0 1',
      'renumber 0',
      'close 8',
      'write 0 1',
      'renumber 8',
      'open 0 6',
      'renumber 0',
      'renumber 0',
      'mkdir 0',
      'preopen 8',
    ])
    assert.equal(readFileSync(file('a'), 'utf8'), 'AB')
  })

  test('of standard streams can be closed and replaced', async () => {
    const lines = await arena.probe([
      open('log'),
      ['renumber', 6, 2],
      ['write', 2, 'to the file'],
      ['close', 0],
      ['read', 0, 1],
    ])
    assert.deepEqual(lines.slice(3), ['close 0', 'read 8'])
    assert.equal(readFileSync(file('log'), 'utf8'), 'to the file')
  })

  test('name the one directory that is there from the start', async () => {
    assert.deepEqual(await probe(['preopen', 3], ['preopen', 3, 0], ['preopen', 3, 100], ['preopen', 4]), [
      'preopen 0 /',
      'preopen 37',
      'preopen 0 /',
      'preopen 8',
    ])
  })
})

describe('time and chance', () => {
  test('clocks run, and unknown ones are refused', async () => {
    const before = BigInt(Date.now()) * 1_000_000n
    const lines = await probe(
      ['clock', 0],
      ['clock', 1],
      ['clock', 1],
      ['clock', 2],
      ['clock', 3],
      ['clock', 4],
      ['clock_res', 0],
      ['clock_res', 1],
      ['clock_res', 2],
      ['clock_res', 9],
    )
    const value = (index: number) => BigInt(lines[index]?.split(' ')[2] ?? -1)
    assert.ok(value(0) >= before)
    assert.ok(value(2) > value(1))
    assert.ok(value(3) >= 0n && value(4) >= value(3))
    assert.deepEqual(
      [lines[5], ...lines.slice(6)],
      ['clock 28', 'clock_res 0 1000000', 'clock_res 0 1', 'clock_res 0 1000', 'clock_res 28'],
    )
  })

  test('sleeping takes as long as it should, whichever way it is said', async () => {
    const lines = await probe(
      ['clock', 1],
      ['sleep', 20_000_000],
      ['clock', 1],
      ['sleep_until', 20_000_000],
      ['clock', 1],
      ['sleep_until', -5],
    )
    const value = (index: number) => BigInt(lines[index]?.split(' ')[2] ?? -1)
    assert.ok(value(2) - value(0) >= 20_000_000n)
    assert.ok(value(4) - value(2) >= 20_000_000n)
    assert.deepEqual([lines[1], lines[3], lines[5]], ['sleep 0 1077', 'sleep_until 0 1077', 'sleep_until 0 1077'])
  })

  test('files and streams are ready; a bad descriptor is told as an event', async () => {
    assert.deepEqual(await probe(['poll', 0, 1], ['poll', 1, 2], ['poll', 5, 1], ['poll', 99, 1], ['poll', 0, 7]), [
      'poll 0 0',
      'poll 0 0',
      'poll 0 0',
      'poll 0 8',
      'poll 0 28',
    ])
  })

  test('point 14: random numbers are random', async () => {
    const lines = await probe(['random'], ['random'])
    assert.notEqual(lines[0], lines[1])
  })

  test('there are no sockets', async () => {
    assert.deepEqual(await probe(['sock_shutdown', 1], ['sock_shutdown', 77]), ['sock_shutdown 57', 'sock_shutdown 8'])
  })
})
