import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import { ERRNO, errnoOf, refuse, WasiError } from '../wasi/errno.ts'
import { closeDirectory, type Directory, enter, openNode } from './directory.ts'
import { entryAt } from './entry.ts'
import type { HostFolder } from './host-folder.ts'
import { openPathFolder } from './path-folder.ts'
import { openProcFolder } from './proc-folder.ts'
import { type Follow, type Place, resolve } from './resolve.ts'
import { buildTree, type MountPoint } from './tree.ts'

const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'resolve-')))
after(() => rmSync(base, { recursive: true }))
let made = 0
/** A new folder with a mount inside, and a secret beside it. */
const newPlace = () => {
  made += 1
  const folder = path.join(base, String(made))
  const root = path.join(folder, 'mount')
  mkdirSync(root, { recursive: true })
  writeFileSync(path.join(folder, 'secret'), 'not for the job')
  const mount: MountPoint = { hostPath: root, device: 1, readOnly: false, kind: 'folder' }
  return { folder, root, mount }
}

const backends: [string, (mount: MountPoint) => HostFolder][] = [
  ...(process.platform === 'linux' ? [['open folders', openProcFolder] as [string, typeof openProcFolder]] : []),
  ['paths', openPathFolder],
]

/** Where a path leads to on the host: the folder's own real path, and the name. */
const locate = (root: string, start: Directory, given: string, follow: Follow = 'always'): string =>
  resolve(start, given, follow, (place: Place) => path.join(root, place.directory.host?.location() ?? '', place.name))

const errno = (action: () => unknown): number => {
  try {
    action()
  } catch (error) {
    return errnoOf(error) ?? -1
  }
  return 0
}

for (const [title, open] of backends) {
  describe(`paths, by ${title}`, () => {
    const withMount = (
      prepare: (root: string, folder: string) => void,
      use: (at: (given: string, follow?: Follow) => string, root: string) => void,
    ) => {
      const { folder, root, mount } = newPlace()
      prepare(root, folder)
      const host = open(mount)
      use((given, follow) => locate(root, { node: undefined, host }, given, follow), root)
      host.close()
    }

    test('lead where the kernel would lead them, as long as they stay inside', () => {
      withMount(
        (root) => {
          mkdirSync(path.join(root, 'a/b/c'), { recursive: true })
          writeFileSync(path.join(root, 'a/file'), '')
          symlinkSync('../file', path.join(root, 'a/b/up'))
          symlinkSync('b', path.join(root, 'a/again'))
        },
        (at, root) => {
          assert.equal(at('a/./b//c/../../file'), `${root}/a/file`)
          assert.equal(at('a/b/up'), `${root}/a/file`)
          assert.equal(at('a/b/up', 'never'), `${root}/a/b/up`)
          assert.equal(at('a/again/c/../up'), `${root}/a/file`)
          assert.equal(at('a/again/', 'slash'), `${root}/a/b`)
          assert.equal(at('new/'), `${root}/new`)
          assert.equal(at('.'), root)
        },
      )
    })

    test('that leave are refused, each of the known ways', () => {
      withMount(
        (root, folder) => {
          mkdirSync(path.join(root, 'a/b'), { recursive: true })
          symlinkSync(path.join(folder, 'secret'), path.join(root, 'absolute'))
          symlinkSync('../secret', path.join(root, 'relative'))
          symlinkSync('..', path.join(root, 'up'))
          symlinkSync('.', path.join(root, 'a/here'))
          symlinkSync('a/here/here/../../..', path.join(root, 'tricky'))
          symlinkSync('/proc/self/root', path.join(root, 'proc'))
          symlinkSync('../mount/a', path.join(root, 'back'))
        },
        (at) => {
          const outside = ['..', '../secret', 'a/../../secret', '/etc/passwd', '/', 'absolute', 'relative', 'up/secret']
          const more = ['tricky/secret', 'a/b/../../../secret', 'proc/etc/passwd', 'a/../..', 'up', 'back']
          for (const given of [...outside, ...more])
            assert.equal(
              errno(() => at(given)),
              ERRNO.perm,
              given,
            )
        },
      )
    })

    test('that go round in circles, are too long or have odd characters are refused', () => {
      withMount(
        (root) => {
          symlinkSync('two', path.join(root, 'one'))
          symlinkSync('one', path.join(root, 'two'))
          symlinkSync('self/self', path.join(root, 'self'))
          writeFileSync(path.join(root, 'file'), '')
        },
        (at) => {
          assert.equal(
            errno(() => at('one')),
            ERRNO.loop,
          )
          assert.equal(
            errno(() => at('self/x')),
            ERRNO.loop,
          )
          assert.equal(
            errno(() => at('')),
            ERRNO.noent,
          )
          assert.equal(
            errno(() => at('x'.repeat(5_000))),
            ERRNO.nametoolong,
          )
          assert.equal(
            errno(() => at('a\0b')),
            ERRNO.inval,
          )
          assert.equal(
            errno(() => at('file/x')),
            ERRNO.notdir,
          )
          assert.equal(
            errno(() => at('file/..')),
            ERRNO.notdir,
          )
          assert.equal(
            errno(() => at('none/x')),
            ERRNO.noent,
          )
        },
      )
    })

    test('from a folder that was replaced by a link do not follow it', () => {
      const { folder, root, mount } = newPlace()
      mkdirSync(path.join(root, 'd/e'), { recursive: true })
      const host = open(mount)
      const opened = enter({ node: undefined, host }, 'd')
      assert.ok(!('link' in opened))
      renameSync(path.join(root, 'd'), path.join(root, 'moved'))
      symlinkSync(folder, path.join(root, 'd'))
      // An open folder is the same wherever it is now; a path no longer leads to one.
      const look = (given: string) =>
        errno(() => resolve(opened, given, 'always', (place) => entryAt(place) ?? refuse('noent')))
      const [same, gone] = title === 'paths' ? [ERRNO.notdir, ERRNO.notdir] : [0, ERRNO.noent]
      assert.deepEqual([look('e'), look('secret')], [same, gone])
      closeDirectory(opened)
      host.close()
    })

    test('never lead out of the mount, whatever links there are (property)', () => {
      const name = fc.constantFrom('a', 'b', 'c', 'l', 'm')
      const part = fc.oneof(
        { weight: 3, arbitrary: name },
        { weight: 3, arbitrary: fc.constant('..') },
        fc.constantFrom('.', '', 'secret'),
      )
      const given = fc
        .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 8 }))
        .map(([absolute, parts]) => `${absolute && parts.length > 6 ? '/' : ''}${parts.join('/')}`)
      const world = fc.record({
        folders: fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 4 }),
        links: fc.array(fc.record({ at: fc.array(name, { minLength: 1, maxLength: 3 }), to: given }), { maxLength: 6 }),
        paths: fc.array(given, { minLength: 1, maxLength: 12 }),
      })
      fc.assert(
        fc.property(world, ({ folders, links, paths }) => {
          const { folder, root, mount } = newPlace()
          for (const names of folders) errno(() => mkdirSync(path.join(root, ...names), { recursive: true }))
          for (const { at, to } of links) errno(() => symlinkSync(to === '' ? '.' : to, path.join(root, ...at)))
          const host = open(mount)
          for (const text of paths) checkAgainstKernel(root, { node: undefined, host }, text)
          host.close()
          rmSync(folder, { recursive: true })
        }),
        { numRuns: 150 },
      )
    })
  })
}

/** The kernel follows everything: where it ends up inside, so do we or refuse; where it ends up outside, we refuse. */
function checkAgainstKernel(root: string, start: Directory, given: string): void {
  let ours: string | undefined
  try {
    ours = resolve(start, given, 'always', (place) => {
      const exists = entryAt(place) !== undefined
      return exists ? path.join(root, place.directory.host?.location() ?? '', place.name) : undefined
    })
  } catch (error) {
    assert.notEqual(errnoOf(error), undefined, String(error))
    return
  }
  if (ours === undefined) return
  assert.ok(ours === root || ours.startsWith(`${root}/`), `${given} led to ${ours}`)
  assert.equal(realpathSync(`${root}/${given}`), realpathSync(ours), given)
}

describe('the tree of mounts', () => {
  const tree = () => {
    const { folder, root } = newPlace()
    mkdirSync(path.join(root, 'inner/deep'), { recursive: true })
    writeFileSync(path.join(root, 'inner/file'), '')
    symlinkSync('../secret', path.join(root, 'out'))
    symlinkSync('../../other', path.join(root, 'inner/sideways'))
    const mounts = [
      { hostPath: root, guestPath: '/data', readOnly: true },
      { hostPath: root, guestPath: '/data/inner/deep/again', readOnly: false },
      { hostPath: path.join(folder, 'secret'), guestPath: '/single/file.txt', readOnly: true },
      { hostPath: root, guestPath: '/other', readOnly: true },
    ]
    return openNode(buildTree(mounts))
  }
  const kindAt = (start: Directory, given: string) =>
    resolve(start, given, 'always', (place) => {
      const entry = entryAt(place)
      if (entry === undefined) return 'nothing'
      return entry.kind === 'virtual'
        ? 'virtual'
        : `${entry.mount.device} ${entry.stat.isDirectory() ? 'folder' : 'file'}`
    })

  test('is walked across mounts, down and up', () => {
    const root = tree()
    assert.equal(kindAt(root, '.'), 'virtual')
    assert.equal(kindAt(root, 'single'), 'virtual')
    assert.equal(kindAt(root, 'single/file.txt'), '3 file')
    assert.equal(kindAt(root, 'data/inner/file'), '1 file')
    assert.equal(kindAt(root, 'data/../single/../data/inner'), 'virtual', 'the way to a mount is the sandbox’s own')
    assert.equal(kindAt(root, 'data/inner/deep/again/inner/deep'), '2 folder')
    assert.equal(kindAt(root, 'data/inner/deep/again/../../file'), '1 file')
    assert.equal(kindAt(root, 'single/none'), 'nothing')
  })

  test('does not let a link lead from one mount to another, or to the host', () => {
    const root = tree()
    for (const given of ['data/out', 'data/inner/sideways', 'other/../data/out', 'data/inner/deep/again/out'])
      assert.equal(
        errno(() => kindAt(root, given)),
        ERRNO.perm,
        given,
      )
  })

  test('has no way up from its root', () => {
    const root = tree()
    assert.equal(
      errno(() => kindAt(root, '..')),
      ERRNO.perm,
    )
    assert.equal(
      errno(() => kindAt(root, 'data/../../etc')),
      ERRNO.perm,
    )
  })

  test('refuses places that make no sense', () => {
    const { root, folder } = newPlace()
    const build =
      (...places: [host: string, guest: string][]) =>
      () =>
        buildTree(places.map(([hostPath, guestPath]) => ({ hostPath, guestPath, readOnly: true })))
    assert.throws(build([root, 'relative']), /not an absolute path/)
    assert.throws(build([root, '/a/../b']), /not an absolute path/)
    assert.throws(build([root, '/a'], [root, '/a/']), /two mounts are at/)
    assert.throws(build([path.join(folder, 'secret'), '/a'], [root, '/a/b']), /below the file/)
    assert.throws(build([path.join(folder, 'none'), '/a']), /cannot be read/)
  })

  test('closes all that it opened, also when a path is refused', { skip: process.platform !== 'linux' }, () => {
    const root = tree()
    const before = readdirSync('/proc/self/fd').length
    for (const given of ['data/inner/deep/again/inner', 'data/out', 'data/inner/none/x', 'data/inner/../..'])
      errno(() => kindAt(root, given))
    assert.equal(readdirSync('/proc/self/fd').length, before)
  })
})

test('an error of the sandbox’s own is not taken for an errno', () => {
  assert.equal(errnoOf(new TypeError('a mistake')), undefined)
  assert.equal(errnoOf(new WasiError(ERRNO.loop)), ERRNO.loop)
})
