import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { diskOf } from './disk.ts'

/** A made-up `/sys` in which the temporary folder lies on `device`. */
async function sysWith(t: TestContext, device: string, partition = false): Promise<string> {
  const sys = await mkdtemp(path.join(tmpdir(), 'sys-'))
  t.after(() => rm(sys, { recursive: true }))
  await mkdir(path.join(sys, 'devices', device), { recursive: true })
  if (partition) await writeFile(path.join(sys, 'devices', device, 'partition'), '1\n')
  await mkdir(path.join(sys, 'dev/block'), { recursive: true })
  const { dev } = await stat(tmpdir())
  // Small numbers, of which these bits are all.
  const [major, minor] = [(dev >> 8) & 0xfff, (dev & 0xff) | ((dev >> 12) & 0xfff00)]
  await symlink(path.join('../../devices', device), path.join(sys, 'dev/block', `${major}:${minor}`))
  return sys
}

describe('the disk of a folder', () => {
  test('is the device that the system names', async (t) => {
    assert.equal(await diskOf(tmpdir(), await sysWith(t, 'vda')), '/dev/vda')
    assert.equal(await diskOf(tmpdir(), await sysWith(t, 'cciss!c0d0')), '/dev/cciss/c0d0')
  })

  test('is the whole one of a partition', async (t) => {
    assert.equal(await diskOf(tmpdir(), await sysWith(t, 'nvme0n1/nvme0n1p2', true)), '/dev/nvme0n1')
  })

  test('is none where there is none, or no folder', async (t) => {
    const sys = await mkdtemp(path.join(tmpdir(), 'sys-'))
    t.after(() => rm(sys, { recursive: true }))
    assert.equal(await diskOf(tmpdir(), sys), undefined)
    assert.equal(await diskOf('/nowhere/at/all'), undefined)
  })

  test('is the one that df shows, where that shows one', async (t) => {
    const [device = ''] = execFileSync('df', ['--output=source', tmpdir()], { encoding: 'utf8' }).split('\n').slice(1)
    const found = await diskOf(tmpdir())
    if (found === undefined || !device.startsWith('/dev/') || device.startsWith('/dev/mapper')) return t.skip(device)
    if (device !== '/dev/root') assert.ok(device.startsWith(found), `${found} of ${device}`)
  })
})
