import assert from 'node:assert/strict'
import {
  linkSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { spawnSync } from 'node:child_process'
import { beforeEach, describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createArena, verdict } from './fixtures/harness.ts'
import { call, i32, program, wasi } from './fixtures/module-builder.ts'
import { ERRNO } from './worker/wasi/errno.ts'
import { DIRECTORY_RIGHTS, RIGHT } from './worker/wasi/rights.ts'

// What jobs have tried, or could try, to get out of their sandbox, and what comes of it. Descriptors of the probe: 3 is the
// root, 4 `/inputs` (read-only), 5 `/outputs` (writable).
const arena = createArena()
const SECRET = path.join(arena.folder, 'secret')
const READ_WRITE = RIGHT.fdRead | RIGHT.fdWrite
const CREATE = 1
const TRUNCATE = 8

/** `name errno` for each line; what a call gave is left out. */
const numbers = (lines: readonly string[]) => lines.map((line) => Number(line.split(' ')[1]))
const probe = async (...calls: (string | number | bigint)[][]) => numbers(await arena.probe(calls))

beforeEach(() => {
  for (const folder of [arena.inputs, arena.outputs]) {
    for (const name of readdirSync(folder)) rmSync(path.join(folder, name), { recursive: true })
  }
  writeFileSync(SECRET, 'untouched')
  writeFileSync(path.join(arena.inputs, 'data'), 'input')
})

describe('paths', () => {
  test('upwards and absolute ones lead nowhere', async () => {
    const outside = ['..', '../secret', '../../etc/passwd', '/etc/passwd', '/', 'x/../../secret', './../secret']
    for (const fd of [4, 5]) {
      const results = await probe(...outside.map((given) => ['open', fd, given]))
      for (const result of results) assert.ok(result === ERRNO.perm || result === ERRNO.noent, String(results))
    }
    assert.deepEqual(await probe(['open', 3, '../etc/passwd'], ['open', 3, 'outputs/../../etc/passwd']), [
      ERRNO.perm,
      ERRNO.perm,
    ])
  })

  test('every call that takes one refuses to leave', async () => {
    const results = await probe(
      ['stat', 5, '../secret'],
      ['mkdir', 5, '../made'],
      ['rmdir', 5, '../inputs'],
      ['unlink', 5, '../secret'],
      ['rename', 5, '../secret', 5, 'mine'],
      ['rename', 5, 'mine', 5, '../secret'],
      ['link', 5, '../secret', 5, 'mine'],
      ['symlink', 5, 'x', '../made'],
      ['readlink', 5, '../secret'],
      ['path_times', 5, '../secret', 1, 0, 0, 5],
      ['open', 5, '../made', CREATE, READ_WRITE],
    )
    assert.deepEqual(
      results,
      results.map(() => ERRNO.perm),
    )
    assert.deepEqual(readdirSync(arena.outputs), [])
  })

  test('odd ones are taken for what they are', async () => {
    const long = 'x'.repeat(300)
    assert.deepEqual(
      await probe(
        ['open', 5, long, CREATE, READ_WRITE],
        ['open', 5, 'a\\..\\..\\secret', CREATE, READ_WRITE],
        ['open', 5, '...', CREATE, READ_WRITE],
        ['open', 5, 'a/'.repeat(3_000)],
        ['open', 5, '\xff'],
      ),
      [ERRNO.nametoolong, 0, 0, ERRNO.nametoolong, ERRNO.noent],
    )
    assert.deepEqual(readdirSync(arena.outputs).sort(), ['...', 'a\\..\\..\\secret'])
  })

  test('that are not UTF-8 are refused', async () => {
    // mkdir("\xff") and mkdir("a\0b")
    for (const bytes of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80]]) {
      const code = [...i32(3), ...i32(0), ...i32(bytes.length), ...call(0), ...call(1)]
      const module = program(code, {
        imports: [wasi('path_create_directory', 'iii'), wasi('proc_exit', 'i', '')],
        data: [{ at: 0, bytes }],
      })
      assert.equal(verdict(await arena.run(module)), `exit ${ERRNO.ilseq}`)
    }
  })
})

describe('links that the host planted', () => {
  beforeEach(() => {
    for (const folder of [arena.inputs, arena.outputs]) {
      symlinkSync(SECRET, path.join(folder, 'to-file'))
      symlinkSync('../secret', path.join(folder, 'to-relative'))
      symlinkSync(arena.folder, path.join(folder, 'to-folder'))
      symlinkSync('/proc/self', path.join(folder, 'to-proc'))
    }
  })

  test('are followed neither for reading nor for writing', async () => {
    const through = ['to-file', 'to-relative', 'to-folder/secret', 'to-folder/', 'to-proc/environ', 'to-proc/cwd/x']
    for (const fd of [4, 5]) {
      const results = await probe(
        ...through.flatMap((given) => [
          ['open', fd, given],
          ['open', fd, given, CREATE | TRUNCATE, READ_WRITE],
          ['stat', fd, given],
        ]),
      )
      for (const result of results) assert.equal(result, ERRNO.perm)
    }
    assert.equal(readFileSync(SECRET, 'utf8'), 'untouched')
  })

  test('can be looked at and removed as links, where the mount is writable', async () => {
    assert.deepEqual(
      await probe(['open', 5, 'to-file', 0, 2, 0, 0, 0], ['unlink', 5, 'to-file'], ['unlink', 4, 'to-file']),
      [ERRNO.loop, 0, ERRNO.rofs],
    )
    assert.equal(readFileSync(SECRET, 'utf8'), 'untouched')
  })

  test('do not lead a module path out', async () => {
    const result = await arena.run(program([]), { params: { EntryModule: '/inputs/to-file' } })
    assert.match(verdict(result), /^WasmModuleMissing/)
  })
})

describe('links that the job makes', () => {
  test('cannot be absolute', async () => {
    assert.deepEqual(await probe(['symlink', 5, '/etc/passwd', 'x'], ['symlink', 5, '/', 'y']), [
      ERRNO.perm,
      ERRNO.perm,
    ])
  })

  test('that climb out are refused when followed', async () => {
    assert.deepEqual(
      await probe(
        ['symlink', 5, '../secret', 'x'],
        ['open', 5, 'x'],
        ['open', 5, 'x', CREATE | TRUNCATE, READ_WRITE],
        ['open', 3, 'outputs/x'],
        ['symlink', 5, '../inputs/data', 'y'],
        ['open', 3, 'outputs/y'],
      ),
      [0, ERRNO.perm, ERRNO.perm, ERRNO.perm, 0, ERRNO.perm],
    )
    assert.equal(readFileSync(SECRET, 'utf8'), 'untouched')
  })

  test('a/b/c/../../.. with a link among its folders does not climb', async () => {
    // node:wasi normalises the text of a link before it resolves it; the folders are really one.
    assert.deepEqual(
      await probe(
        ['mkdir', 5, 'd'],
        ['symlink', 5, '.', 'd/a'],
        ['symlink', 5, 'a/a/a/../../..', 'd/up'],
        ['open', 5, 'd/up/secret'],
        ['open', 5, 'd/up/../secret'],
        ['mkdir', 5, 'd/up/../made'],
      ),
      [0, 0, 0, ERRNO.perm, ERRNO.perm, ERRNO.perm],
    )
    assert.ok(!existsSync(path.join(arena.folder, 'made')))
  })

  test('put in the place of a folder that is open do not matter to it', async () => {
    assert.deepEqual(
      await probe(
        ['mkdir', 5, 'd'],
        ['open', 5, 'd', 2, DIRECTORY_RIGHTS],
        ['rename', 5, 'd', 5, 'e'],
        ['symlink', 5, '..', 'd'],
        ['open', 6, 'f', CREATE, READ_WRITE],
        ['write', 7, 'x'],
        ['open', 5, 'd/secret'],
        ['open', 6, '../../secret'],
        ['open', 6, '../f'],
      ),
      [0, 0, 0, 0, 0, 0, ERRNO.perm, ERRNO.perm, ERRNO.perm],
    )
    assert.deepEqual(readdirSync(path.join(arena.outputs, 'e')), ['f'])
  })

  test('a folder moved deeper keeps no way up past its own mount', async () => {
    assert.deepEqual(
      await probe(
        ['mkdir', 5, 'a'],
        ['mkdir', 5, 'a/b'],
        ['symlink', 5, '../../x', 'a/b/l'],
        ['rename', 5, 'a/b', 5, 'b'],
        ['open', 5, 'b/l'],
        ['open', 5, 'b/l', CREATE, READ_WRITE],
      ),
      [0, 0, 0, 0, ERRNO.perm, ERRNO.perm],
    )
  })

  test('in circles come to an end', async () => {
    assert.deepEqual(
      await probe(['symlink', 5, 'b', 'a'], ['symlink', 5, 'a', 'b'], ['open', 5, 'a'], ['stat', 5, 'b/x']),
      [0, 0, ERRNO.loop, ERRNO.loop],
    )
  })
})

test(
  'what somebody outside swaps for a link, again and again, leads nowhere',
  {
    skip: process.platform !== 'linux',
  },
  async () => {
    const at = (name: string) => path.join(arena.outputs, name)
    mkdirSync(at('d'))
    writeFileSync(at('d/secret'), 'inside')
    symlinkSync(arena.folder, at('d-link'))
    writeFileSync(at('f'), 'inside')
    symlinkSync(SECRET, at('f-link'))
    let running = true
    const swap = (name: string) => {
      renameSync(at(name), at('x'))
      renameSync(at(`${name}-link`), at(name))
      renameSync(at(name), at(`${name}-link`))
      renameSync(at('x'), at(name))
    }
    const swapping = (async () => {
      for (; running; await setImmediate())
        for (let round = 0; round < 20; round++) for (const name of ['d', 'f']) swap(name)
    })()
    const read = (name: string) => [
      ['open', 5, name],
      ['read', 6, 20],
      ['close', 6],
    ]
    const write = [
      ['open', 5, 'd/secret', 0, READ_WRITE],
      ['pwrite', 6, 'in', 0],
      ['close', 6],
    ]
    const look = [...read('d/secret'), ...read('f'), ...write]
    const lines = await arena.probe(Array.from({ length: 700 }, () => look).flat())
    running = false
    await swapping
    const contents = lines.filter((line) => line.startsWith('read 0'))
    assert.deepEqual(new Set(contents), new Set(['read 0 inside']))
    assert.equal(readFileSync(SECRET, 'utf8'), 'untouched')
  },
)

describe('read-only mounts', () => {
  test('cannot be changed by any call', async () => {
    mkdirSync(path.join(arena.inputs, 'folder'))
    const before = statSync(path.join(arena.inputs, 'data')).mtimeMs
    const results = await probe(
      ['open', 4, 'data', 0, READ_WRITE],
      ['open', 4, 'data', TRUNCATE],
      ['open', 4, 'new', CREATE, READ_WRITE],
      ['mkdir', 4, 'new'],
      ['rmdir', 4, 'folder'],
      ['unlink', 4, 'data'],
      ['rename', 4, 'data', 4, 'other'],
      ['rename', 4, 'data', 5, 'data'],
      ['symlink', 4, 'data', 'l'],
      ['link', 4, 'data', 4, 'other'],
      ['link', 4, 'data', 5, 'data'],
      ['path_times', 4, 'data', 1, 0, 0, 5],
      ['path_times', 4, 'folder/.', 1, 0, 0, 5],
      ['set_times', 4, 0, 0, 5],
      ['mkdir', 3, 'top'],
      ['open', 3, 'top', CREATE, READ_WRITE],
      ['set_times', 3, 0, 0, 5],
    )
    assert.deepEqual(
      results,
      results.map(() => ERRNO.rofs),
    )
    assert.equal(readFileSync(path.join(arena.inputs, 'data'), 'utf8'), 'input')
    assert.equal(statSync(path.join(arena.inputs, 'data')).mtimeMs, before)
  })

  test('cannot be written through a descriptor that was opened for reading', async () => {
    const all = 0x3fff_ffff & ~(RIGHT.fdWrite | RIGHT.fdAllocate | RIGHT.fdSetSize)
    assert.deepEqual(
      await probe(
        ['open', 4, 'data', 0, all],
        ['write', 6, 'x'],
        ['pwrite', 6, 'x', 0],
        ['set_size', 6, 0],
        ['allocate', 6, 0, 100],
        ['set_times', 6, 0, 0, 5],
        ['set_rights', 6, RIGHT.fdWrite, 0],
        ['set_flags', 6, 1],
        ['write', 6, 'x'],
      ),
      [
        0,
        ERRNO.notcapable,
        ERRNO.notcapable,
        ERRNO.notcapable,
        ERRNO.notcapable,
        ERRNO.rofs,
        ERRNO.notcapable,
        0,
        ERRNO.notcapable,
      ],
    )
  })

  test('are not reached by moving or linking their place', async () => {
    assert.deepEqual(
      await probe(
        ['rename', 3, 'outputs', 3, 'inputs'],
        ['rename', 3, 'inputs', 5, 'mine'],
        ['rmdir', 3, 'inputs'],
        ['rename', 5, 'none', 3, 'inputs'],
        ['link', 3, 'inputs/data', 3, 'outputs/data'],
      ),
      [ERRNO.rofs, ERRNO.rofs, ERRNO.rofs, ERRNO.rofs, ERRNO.rofs],
    )
  })

  test('below a writable mount stay as they are, and so does the way to them', async () => {
    mkdirSync(path.join(arena.outputs, 'way'))
    mkdirSync(path.join(arena.outputs, 'way/ro'))
    const mounts = [{ hostPath: arena.inputs, guestPath: '/outputs/way/ro', readOnly: true }]
    const calls = [
      ['rename', 5, 'way', 5, 'moved'],
      ['rename', 5, 'way/ro', 5, 'moved'],
      ['rmdir', 5, 'way/ro'],
      ['unlink', 5, 'way/ro/data'],
      ['symlink', 5, 'x', 'way/ro'],
      ['open', 5, 'way/ro/data', TRUNCATE],
      ['mkdir', 5, 'way/beside'],
    ]
    assert.deepEqual(numbers(await arena.probe(calls, { mounts })), [
      ERRNO.busy,
      ERRNO.busy,
      ERRNO.busy,
      ERRNO.rofs,
      ERRNO.exist,
      ERRNO.rofs,
      0,
    ])
  })
})

describe('rights of descriptors', () => {
  test('only ever get fewer', async () => {
    assert.deepEqual(
      await probe(
        ['open', 5, 'f', CREATE, READ_WRITE],
        ['set_rights', 6, RIGHT.fdRead, 0],
        ['write', 6, 'x'],
        ['set_rights', 6, READ_WRITE, 0],
        ['open', 5, '.', 2, RIGHT.pathOpen, RIGHT.fdRead],
        ['open', 7, 'f', 0, RIGHT.fdRead],
        ['open', 7, 'f', 0, READ_WRITE],
        ['open', 7, 'g', CREATE, RIGHT.fdRead],
        ['open', 7, 'f', TRUNCATE, RIGHT.fdRead],
        ['mkdir', 7, 'd'],
        ['unlink', 7, 'f'],
        ['list', 7],
      ),
      [0, 0, 76, 76, 0, 0, 76, 76, 76, 76, 76, 76],
    )
  })

  test('a descriptor means the same to no two kinds of call', async () => {
    assert.deepEqual(
      await probe(
        ['read', 5, 1],
        ['write', 5, 'x'],
        ['seek', 5, 0, 0],
        ['list', 0],
        ['open', 0, 'x'],
        ['write', 0, 'x'],
        ['read', 1, 1],
        ['seek', 1, 0, 0],
        ['mkdir', 1, 'x'],
        ['close', 99],
        ['read', 4_294_967_295, 1],
        ['preopen', 4],
      ),
      [
        ERRNO.isdir,
        ERRNO.isdir,
        ERRNO.isdir,
        ERRNO.notdir,
        ERRNO.notdir,
        ERRNO.spipe,
        ERRNO.spipe,
        ERRNO.spipe,
        ERRNO.notdir,
        ERRNO.badf,
        ERRNO.badf,
        ERRNO.badf,
      ],
    )
  })
})

describe('things of the host that are not files', () => {
  test(
    'pipes, devices and sockets are neither opened nor waited for',
    { skip: process.platform === 'win32' },
    async (t) => {
      const made = spawnSync('mkfifo', [path.join(arena.inputs, 'pipe'), path.join(arena.outputs, 'pipe')])
      if (made.status !== 0) return t.skip('no mkfifo here')
      const device = spawnSync('mknod', [path.join(arena.outputs, 'device'), 'c', '1', '5']).status === 0
      const results = await probe(
        ['open', 4, 'pipe'],
        ['open', 5, 'pipe', 0, RIGHT.fdWrite],
        ['open', 5, 'pipe', TRUNCATE, READ_WRITE],
        ['open', 5, 'pipe/x'],
        ...(device ? [['open', 5, 'device']] : []),
      )
      assert.deepEqual(results.slice(0, 4), [ERRNO.acces, ERRNO.acces, ERRNO.acces, ERRNO.notdir])
      if (device) assert.equal(results[4], ERRNO.acces)
    },
  )

  test('a hard link that the host made is just a file; one that the job makes stays within its mount', async () => {
    linkSync(path.join(arena.inputs, 'data'), path.join(arena.inputs, 'second'))
    assert.deepEqual(
      await probe(
        ['open', 4, 'second'],
        ['open', 5, 'f', CREATE, READ_WRITE],
        ['link', 5, 'f', 5, 'g'],
        ['link', 5, 'f', 5, '../g'],
        ['link', 5, 'f', 4, 'g'],
        ['link', 5, '.', 5, 'folder'],
        ['symlink', 5, '../secret', 's'],
        ['link', 5, 's', 5, 't', 1],
        ['link', 5, 's', 5, 't'],
        ['open', 5, 't'],
      ),
      [0, 0, 0, ERRNO.perm, ERRNO.rofs, ERRNO.busy, 0, ERRNO.inval, 0, ERRNO.perm],
    )
    assert.ok(lstatSync(path.join(arena.outputs, 't')).isSymbolicLink())
  })
})

describe('folders within folders', () => {
  test('get only so deep that the host can still handle them', async () => {
    const deep = Array.from({ length: 200 }, (_, depth) => [
      ['mkdir', 5 + depth, 'd'],
      ['open', 5 + depth, 'd', 2, DIRECTORY_RIGHTS],
    ]).flat()
    const results = await probe(...deep)
    const made = results.filter((result, index) => index % 2 === 0 && result === 0).length
    assert.ok(made > 50 && made <= 128, String(made))
  })

  test('get only so long in their names', async () => {
    const name = 'n'.repeat(250)
    const steps = Array.from({ length: 6 }, (_, depth) => [
      'mkdir',
      5,
      Array<string>(depth + 1)
        .fill(name)
        .join('/'),
    ])
    assert.deepEqual(await probe(...steps), [0, 0, 0, 0, ERRNO.nametoolong, ERRNO.noent])
  })

  test('do not get deeper by being moved into each other', async () => {
    const chain = (root: string) =>
      Array.from({ length: 100 }, (_, depth) => ['mkdir', 5, `${root}${'/d'.repeat(depth)}`])
    const moves = [
      ['rename', 5, 'a', 5, `b${'/d'.repeat(99)}/a`],
      ['rename', 5, 'a', 5, 'c'],
    ]
    const results = await arena.probe([...chain('a'), ...chain('b'), ...moves], { limits: { files: 1_000 } })
    assert.deepEqual(numbers(results).slice(-2), [ERRNO.nametoolong, 0])
  })
})
