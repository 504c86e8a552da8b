import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { readSmallFile, SMALL_FILE, writeSmallFile } from './small-file.ts'
import { temporaryFolder } from './testing/temporary.ts'

test('a small file is read in one go, a larger one is for others', async (context) => {
  const file = path.join(await temporaryFolder(context), 'file')
  for (const bytes of [0, 1, 5_000, SMALL_FILE - 1]) {
    await writeFile(file, Buffer.alloc(bytes, 'x'))
    assert.equal(Buffer.compare(readSmallFile(file) ?? Buffer.from('none'), Buffer.alloc(bytes, 'x')), 0)
  }
  await writeFile(file, Buffer.alloc(SMALL_FILE))
  assert.equal(readSmallFile(file), undefined)
})

test(
  'a file of the system that does not say how long it is is read whole',
  { skip: process.platform !== 'linux' },
  async () => {
    const whole = await readFile('/proc/self/maps').catch(() => Buffer.alloc(0))
    const read = readSmallFile('/proc/self/maps')
    assert.ok(read === undefined || read.length >= Math.min(whole.length, 8_192), `${read?.length} of ${whole.length}`)
  },
)

test('no link is followed, and no pipe waited for', async (context) => {
  const folder = await temporaryFolder(context)
  const [link, pipe] = [path.join(folder, 'link'), path.join(folder, 'pipe')]
  await symlink('/etc/passwd', link)
  assert.throws(() => readSmallFile(link), { code: 'ELOOP' })
  execFileSync('mkfifo', [pipe])
  assert.equal(readSmallFile(pipe)?.length ?? 0, 0)
})

test('nothing that is there is overwritten', async (context) => {
  const file = path.join(await temporaryFolder(context), 'file')
  writeSmallFile(file, Buffer.from('first'))
  assert.throws(() => writeSmallFile(file, Buffer.from('second')), { code: 'EEXIST' })
  assert.equal(await readFile(file, 'utf8'), 'first')
})
