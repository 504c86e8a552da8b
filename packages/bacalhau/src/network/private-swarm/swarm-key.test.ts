import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isBacalhauError } from '../../runtime/error.ts'
import { formatSwarmKey, loadSwarmKey, newSwarmKeyText, parseSwarmKey } from './swarm-key.ts'

const bytes = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF', 'hex')
const file = (...lines: (string | Buffer)[]) => Buffer.concat(lines.map((line) => Buffer.from(line)))
const TYPE = '/key/swarm/psk/1.0.0/\n'

describe('the file of a swarm key', () => {
  const GOOD: readonly [name: string, content: Buffer][] = [
    ['hexadecimal', file(TYPE, '/base16/\n', bytes.toString('hex'))],
    ['with a newline at its end', file(TYPE, '/base16/\n', bytes.toString('hex'), '\n')],
    [
      'upper case, and ends of lines of Windows',
      file(`${TYPE.trim()}\r\n/base16/\r\n${bytes.toString('hex').toUpperCase()}\r\n`),
    ],
    ['base64', file(TYPE, '/base64/\n', bytes.toString('base64'), '\n')],
    ['bytes', file(TYPE, '/bin/\n', bytes)],
  ]
  for (const [name, content] of GOOD) {
    test(name, () => assert.deepEqual(Buffer.from(parseSwarmKey(content, 'it').bytes), bytes))
  }

  const BAD: readonly [name: string, content: Buffer, message: RegExp][] = [
    ['nothing', file(''), /^it does not begin with \/key\/swarm\/psk\/1\.0\.0\//],
    ['another type', file('/key/swarm/psk/2.0.0/\n/base16/\n', bytes.toString('hex')), /does not begin/],
    ['no encoding', file(TYPE, bytes.toString('hex')), /another encoding/],
    ['too few digits', file(TYPE, '/base16/\n', bytes.toString('hex').slice(1)), /64 hexadecimal digits/],
    ['too few bytes in base64', file(TYPE, '/base64/\n', bytes.subarray(1).toString('base64')), /32 bytes in base64/],
    ['too few bytes', file(TYPE, '/bin/\n', bytes.subarray(1)), /32 bytes after/],
  ]
  for (const [name, content, message] of BAD) {
    test(`is not ${name}`, () => {
      assert.throws(
        () => parseSwarmKey(content, 'it'),
        (error: Error) => message.test(error.message),
      )
    })
  }

  test('what is written is read again, and anything else fails with an error of ours', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
        assert.deepEqual(Buffer.from(parseSwarmKey(Buffer.from(formatSwarmKey(key)), '').bytes), Buffer.from(key))
      }),
    )
    const anything = fc.oneof(
      fc.uint8Array(),
      fc.uint8Array().map((rest) => file(TYPE, Buffer.from(rest))),
    )
    fc.assert(
      fc.property(anything, (content) => {
        try {
          parseSwarmKey(content, 'it')
        } catch (error) {
          assert.ok(isBacalhauError(error) && error.code === 'SwarmKeyInvalid')
        }
      }),
    )
  })

  test('new keys differ, and so do their fingerprints, which do not tell the key', () => {
    const [one, two] = [newSwarmKeyText(), newSwarmKeyText()].map((text) => parseSwarmKey(Buffer.from(text), ''))
    assert.notEqual(one?.fingerprint, two?.fingerprint)
    assert.match(one?.fingerprint ?? '', /^[\da-f]{16}$/)
    assert.ok(
      !Buffer.from(one?.bytes ?? [])
        .toString('hex')
        .includes(one?.fingerprint ?? ''),
    )
  })

  test('is read for its owner only, and says where it is missing', async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'swarm-key-'))
    context.after(() => rm(folder, { recursive: true }))
    const name = path.join(folder, 'swarm.key')
    await assert.rejects(loadSwarmKey(name), {
      code: 'SwarmKeyInvalid',
      message: `The swarm key ${name} is not there.`,
    })
    await writeFile(name, newSwarmKeyText(), { mode: 0o644 })
    assert.equal((await loadSwarmKey(name)).warnings.length, process.platform === 'win32' ? 0 : 1)
  })
})
