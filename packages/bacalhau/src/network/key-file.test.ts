import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { generateKeyPairFromSeed, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import fc from 'fast-check'
import { fixtureKey } from './fixtures/keys.ts'
import { loadNodeKey } from './key-file.ts'
import { encodeKeyText } from './key-text.ts'
import { createPrivateFile, readPrivateFile } from './private-file.ts'
import { loadUserKey } from './user-key.ts'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'bacalhau-key-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  return folder
}

const modeOf = async (file: string) => (await fs.stat(file)).mode & 0o777

/** Runs `action` as a user without rights to what root owns, so that permissions count also where tests run as root. */
async function unprivileged<T>(action: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return action()
  process.seteuid?.(65_534)
  try {
    return await action()
  } finally {
    process.seteuid?.(0)
  }
}

describe('node key file', () => {
  test('is made where there is none: right name, format, modes, nothing else left', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'deep', 'data')
    const made = await loadNodeKey(folder, 1235)
    assert.equal(made.source, 'new')
    assert.equal(made.file, path.join(folder, 'private_key.1235'))
    assert.deepEqual(await fs.readdir(folder), ['private_key.1235'])
    assert.equal(await modeOf(made.file), 0o600)
    assert.equal(await modeOf(folder), 0o700)
    const text = await fs.readFile(made.file, 'utf8')
    assert.equal(text, encodeKeyText(made.bytes))
    assert.match(text, /^CAAS[A-Za-z0-9+/]+=*\n$/)
    const again = await loadNodeKey(folder, 1235)
    assert.deepEqual([again.source, again.peerId, again.warnings], ['file', made.peerId, []])
    assert.notEqual((await loadNodeKey(folder, 1236)).peerId, made.peerId)
  })

  test('is the same for processes that start at once', async (t) => {
    const folder = await temporaryFolder(t)
    const module = JSON.stringify(path.join(import.meta.dirname, 'key-file.ts'))
    const script = `const { loadNodeKey } = await import(${module}); console.log((await loadNodeKey(${JSON.stringify(folder)}, 7)).peerId)`
    const run = promisify(execFile)
    const outputs = await Promise.all([
      run(process.execPath, ['--input-type=module', '-e', script]),
      run(process.execPath, ['--input-type=module', '-e', script]),
      ...Array.from({ length: 4 }, async () => ({ stdout: `${(await loadNodeKey(folder, 7)).peerId}\n` })),
    ])
    assert.equal(new Set(outputs.map(({ stdout }) => stdout)).size, 1)
    assert.deepEqual(await fs.readdir(folder), ['private_key.7'])
  })

  test('is read with and without line ends, and as Ed25519', async (t) => {
    const folder = await temporaryFolder(t)
    const { base64, peerId } = fixtureKey(0)
    for (const [port, text] of [base64, `${base64}\r\n`, `${base64.slice(0, 64)}\n${base64.slice(64)}\n\n`].entries()) {
      await fs.writeFile(path.join(folder, `private_key.${port}`), text, { mode: 0o600 })
      assert.equal((await loadNodeKey(folder, port)).peerId, peerId)
      assert.equal(await fs.readFile(path.join(folder, `private_key.${port}`), 'utf8'), text)
    }
    const ed25519 = privateKeyToProtobuf(await generateKeyPairFromSeed('Ed25519', new Uint8Array(32)))
    await fs.writeFile(path.join(folder, 'private_key.9'), encodeKeyText(ed25519))
    assert.match((await loadNodeKey(folder, 9)).peerId, /^12D3KooW/)
  })

  test('warns when others can read it', async (t) => {
    const folder = await temporaryFolder(t)
    await fs.writeFile(path.join(folder, 'private_key.1'), fixtureKey(0).base64)
    await fs.chmod(path.join(folder, 'private_key.1'), 0o644)
    const { warnings } = await loadNodeKey(folder, 1)
    assert.equal(warnings.length, 1)
    assert.match(warnings[0] ?? '', /chmod 600 .*private_key\.1$/)
  })

  describe('of the Go program', () => {
    test('is taken over, byte for byte, and stays', async (t) => {
      const folder = await temporaryFolder(t)
      const content = `${fixtureKey(0).base64}\n`
      await fs.writeFile(path.join(folder, 'libp2p_private_key'), content)
      const taken = await loadNodeKey(folder, 1235)
      assert.deepEqual([taken.source, taken.peerId], ['go', fixtureKey(0).peerId])
      assert.equal(await fs.readFile(taken.file, 'utf8'), content)
      assert.equal(await modeOf(taken.file), 0o600)
      assert.equal(await fs.readFile(path.join(folder, 'libp2p_private_key'), 'utf8'), content)
    })

    test('does not replace a key of ours', async (t) => {
      const folder = await temporaryFolder(t)
      await fs.writeFile(path.join(folder, 'libp2p_private_key'), fixtureKey(0).base64)
      await fs.writeFile(path.join(folder, 'private_key.1235'), fixtureKey(1).base64)
      assert.equal((await loadNodeKey(folder, 1235)).peerId, fixtureKey(1).peerId)
    })

    test('goes to one port only', async (t) => {
      const folder = await temporaryFolder(t)
      await fs.writeFile(path.join(folder, 'libp2p_private_key'), fixtureKey(0).base64)
      await loadNodeKey(folder, 1235)
      const second = await loadNodeKey(folder, 1236)
      assert.equal(second.source, 'new')
      assert.notEqual(second.peerId, fixtureKey(0).peerId)
    })

    test('is an error when damaged, not a reason for a new identity', async (t) => {
      const folder = await temporaryFolder(t)
      await fs.writeFile(path.join(folder, 'libp2p_private_key'), 'nonsense!')
      await assert.rejects(loadNodeKey(folder, 1235), { code: 'KeyFileInvalid', message: /libp2p_private_key/ })
      assert.deepEqual(await fs.readdir(folder), ['libp2p_private_key'])
    })
  })

  const { base64, bytes } = fixtureKey(0)
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const unusable: [string, string | Uint8Array, RegExp][] = [
    ['empty', '', /is empty/],
    ['of blanks', ' \n\n', /is empty/],
    ['in PEM', pem, /is a PEM file \(PRIVATE KEY\)/],
    ['in PEM of OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nabc', /is a PEM file \(OPENSSH PRIVATE KEY\)/],
    ['in JSON', '{"PrivKey":"CAAS"}', /is JSON/],
    ['a bare protobuf', bytes, /holds a bare protobuf/],
    ['binary', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 0, 1, 2), /is a binary file/],
    ['text', 'private key, do not touch', /is not base64/],
    ['base64 of something else', Buffer.from('hello world!').toString('base64'), /does not hold a libp2p private key/],
    ['truncated', base64.slice(0, 800), /is truncated: 595 of \d+ bytes/],
    ['truncated within a base64 group', base64.slice(0, 801), /is not base64, or was cut off/],
    ['too large', 'A'.repeat(70_000), /has 70000 bytes, too many/],
  ]
  for (const [what, content, message] of unusable) {
    test(`is refused, named and left alone when ${what}`, async (t) => {
      const folder = await temporaryFolder(t)
      const file = path.join(folder, 'private_key.1235')
      await fs.writeFile(file, content)
      await assert.rejects(loadNodeKey(folder, 1235), (error: Error & { code?: string; hint?: string }) => {
        assert.equal(error.code, 'KeyFileInvalid')
        assert.match(error.message, message)
        assert.ok(error.message.includes(file))
        assert.match(error.hint ?? '', /left as it is/)
        return true
      })
      assert.deepEqual(await fs.readFile(file), Buffer.from(content))
      assert.deepEqual(await fs.readdir(folder), ['private_key.1235'])
    })
  }

  test('is refused when it is a folder, a pipe, or may not be read', async (t) => {
    const folder = await temporaryFolder(t)
    await fs.mkdir(path.join(folder, 'private_key.1'))
    await assert.rejects(loadNodeKey(folder, 1), { code: 'KeyFileInvalid', message: /private_key\.1 is a folder/ })
    await promisify(execFile)('mkfifo', [path.join(folder, 'private_key.2')])
    await assert.rejects(loadNodeKey(folder, 2), { code: 'KeyFileInvalid', message: /not a regular file/ })
    await fs.writeFile(path.join(folder, 'private_key.3'), base64)
    await fs.chmod(path.join(folder, 'private_key.3'), 0)
    await fs.chmod(folder, 0o755)
    await unprivileged(() =>
      assert.rejects(loadNodeKey(folder, 3), {
        code: 'KeyFileInvalid',
        message: /private_key\.3 cannot be read: EACCES/,
      }),
    )
  })

  test('is never changed, whatever it holds', async (t) => {
    const folder = await temporaryFolder(t)
    const file = path.join(folder, 'private_key.1')
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array(),
          fc.base64String().map((text) => Buffer.from(text)),
        ),
        async (content) => {
          await fs.writeFile(file, content)
          await assert.rejects(loadNodeKey(folder, 1), { code: 'KeyFileInvalid' })
          assert.deepEqual(await fs.readFile(file), Buffer.from(content))
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('data folder', () => {
  test('that is a file is refused', async (t) => {
    const folder = path.join(await temporaryFolder(t), 'file')
    await fs.writeFile(folder, '')
    await assert.rejects(loadNodeKey(folder, 1), { code: 'DataDirUnusable', message: new RegExp(folder) })
    await assert.rejects(loadUserKey(path.join(folder, 'below')), { code: 'DataDirUnusable' })
  })

  test('that may not be written to is refused, unless the key is there', async (t) => {
    const folder = await temporaryFolder(t)
    await fs.writeFile(path.join(folder, 'private_key.1'), fixtureKey(0).base64)
    await fs.chmod(folder, 0o555)
    await unprivileged(async () => {
      assert.equal((await loadNodeKey(folder, 1)).peerId, fixtureKey(0).peerId)
      await assert.rejects(loadNodeKey(folder, 2), {
        code: 'DataDirUnusable',
        message: /EACCES/,
        hint: /BACALHAU_PATH/,
      })
    })
  })
})

describe('user key file', () => {
  test('is made where there is none and read again', async (t) => {
    const folder = await temporaryFolder(t)
    const made = await loadUserKey(folder)
    assert.match(made.clientId, /^[0-9a-f]{64}$/)
    assert.equal(await modeOf(made.file), 0o600)
    assert.match(await fs.readFile(made.file, 'utf8'), /^-----BEGIN RSA PRIVATE KEY-----\n/)
    assert.deepEqual(await fs.readdir(folder), ['user_id.pem'])
    assert.equal((await loadUserKey(folder)).clientId, made.clientId)
  })

  test('is the same for all who ask at once', async (t) => {
    const folder = await temporaryFolder(t)
    const keys = await Promise.all([1, 2, 3].map(() => loadUserKey(folder)))
    assert.equal(new Set(keys.map(({ clientId }) => clientId)).size, 1)
  })

  test('is refused and left alone when it is something else', async (t) => {
    const folder = await temporaryFolder(t)
    const file = path.join(folder, 'user_id.pem')
    const ed25519 = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
    for (const content of ['', 'text', fixtureKey(0).base64, ed25519]) {
      await fs.writeFile(file, content)
      await assert.rejects(loadUserKey(folder), {
        code: 'KeyFileInvalid',
        message: /user_id\.pem does not hold an RSA/,
      })
      assert.equal(await fs.readFile(file, 'utf8'), content)
    }
  })
})

describe('private file', () => {
  test('does not replace what is there', async (t) => {
    const file = path.join(await temporaryFolder(t), 'key')
    assert.equal(await createPrivateFile(file, 'first'), true)
    assert.equal(await createPrivateFile(file, 'second'), false)
    assert.equal(String((await readPrivateFile(file))?.content), 'first')
  })

  test('is made on file systems without links too', async (t) => {
    const file = path.join(await temporaryFolder(t), 'key')
    const noLinks = async () => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' })
    }
    assert.equal(await createPrivateFile(file, 'first', noLinks), true)
    assert.equal(await createPrivateFile(file, 'second', noLinks), false)
    assert.equal(String((await readPrivateFile(file))?.content), 'first')
    assert.equal(await modeOf(file), 0o600)
  })
})
