import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { editConfig } from './config-edit.ts'
import { parseConfigFile } from './config-file.ts'
import type { SettingName } from './config-settings.ts'

const edit = (source: string, ...changes: [SettingName, string][]) =>
  editConfig(
    source,
    'config.yaml',
    changes.map(([name, text]) => ({ name, text })),
  )

describe('a file is changed in place', () => {
  test('a first setting makes the file', async () => {
    assert.equal(await edit('', ['apiPort', '77']), 'API:\n  Port: 77\n')
    assert.equal(await edit('# mine\n', ['mdns', 'true']), '# mine\n\nSwarm:\n  MDNS: true\n')
  })

  test('comments, order and spelling stay', async () => {
    const source = '# why\napi: # the API\n  PORT: 5 # old\nSwarm.Peers: none\n'
    assert.equal(
      await edit(source, ['apiPort', '6'], ['apiHost', '127.0.0.1'], ['peers', '/a,/b']),
      '# why\napi:\n  # the API\n  PORT: 6 # old\n  Host: 127.0.0.1\nSwarm.Peers:\n  - /a\n  - /b\n',
    )
  })

  test('values have the types of YAML, and keep their units', async () => {
    assert.equal(
      await edit('', ['labels', 'a=1,b=x'], ['capacityMemory', '2GB'], ['keepResultSize', '64MiB'], ['upnp', 'TRUE']),
      'Labels:\n  a: "1"\n  b: x\nCompute:\n  AllocatedCapacity:\n    Memory: 2GB\nResults:\n  KeepSize: 64MiB\nSwarm:\n  UPnP: true\n',
    )
  })

  test('an empty value takes a setting out', async () => {
    assert.equal(await edit('API: {Port: 5, Host: x}\n', ['apiPort', '']), 'API: { Host: x }\n')
    assert.equal(await edit('Labels: {a: b}\n', ['labels', '']), '')
    assert.equal(await edit('', ['apiPort', '']), '')
  })

  test('a group without anything in it gets its first key', async () => {
    assert.equal(await edit('API:\nLabels: {a: b}\n', ['apiPort', '5']), 'Labels: { a: b }\nAPI:\n  Port: 5\n')
  })
})

describe('nothing is written', () => {
  test('of a value that does not fit', async () => {
    await assert.rejects(edit('', ['apiPort', 'many']), {
      code: 'ConfigurationError',
      message: 'API.Port must be a port from 0 to 65535, not "many"',
    })
  })

  test('into a file that is wrong already', async () => {
    await assert.rejects(edit('API: {Prot: 5}', ['apiPort', '5']), { message: /line 1: unknown key API\.Prot/ })
    await assert.rejects(edit('API: [', ['apiPort', '5']), { code: 'ConfigurationError' })
  })
})

test('what is written is read back, whatever is there already', async () => {
  const value = fc.stringMatching(/^[A-Za-z0-9 :#{}[\]&*!|>'"%@`-]{1,12}$/).filter((text) => text.trim() !== '')
  const before = fc.constantFrom(
    '',
    'API: {}\n',
    'API:\n',
    'api.host: x\n',
    'API:\n  HOST: y # z\n',
    'Labels: {a: b}\n',
  )
  await fc.assert(
    fc.asyncProperty(before, value, async (source, text) => {
      const written = await edit(source, ['apiHost', text])
      assert.equal((await parseConfigFile(written, 'x')).entries.get('apiHost')?.value, text.trim())
    }),
  )
})
