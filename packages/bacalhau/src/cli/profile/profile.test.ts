import assert from 'node:assert/strict'
import { mkdtemp, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'
import { formatDuration, parseDuration } from '../../runtime/duration.ts'
import { activeProfile, checkProfileName, profileFolder, selectedProfile } from './profile.ts'
import { readProfile, writeProfile } from './profile-file.ts'

let home: string
beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'profile-'))
})
afterEach(() => rm(home, { recursive: true }))

async function run(argv: string[], options: Parameters<typeof recordedIo>[0] = {}) {
  const io = recordedIo({ ...options, cwd: home })
  const code = await runProgram([...argv, '--data-dir', home], io, new AbortController().signal)
  return { code, out: io.outText(), err: io.errText() }
}

const file = (name: string) => path.join(home, 'profiles', `${name}.yaml`)

describe('profiles', () => {
  test('are saved, changed, selected, shown and deleted', async () => {
    assert.match((await run(['profile', 'list'])).out, /^No profiles yet\./)
    const saved = await run(['profile', 'save', 'prod', '--endpoint', 'https://node.example.org:1234/', '--select'])
    assert.deepEqual(saved, { code: 0, out: "Profile 'prod' saved and selected.\n", err: '' })
    await run(['profile', 'save', 'lab', '--endpoint', '192.0.2.1', '--timeout', '1m30s', '--description', 'the lab'])
    const changed = await run(['profile', 'save', 'prod', '--token', '-', '--insecure'], { input: 'secret\n' })
    assert.equal(changed.out, "Profile 'prod' changed.\n")

    assert.equal(
      await readFile(file('prod'), 'utf8'),
      'endpoint: https://node.example.org:1234\nauth:\n  token: secret\ntls:\n  insecure: true\n',
    )
    assert.equal(
      await readFile(file('lab'), 'utf8'),
      'endpoint: http://192.0.2.1:1234\ndescription: the lab\ntimeout: 1m30s\n',
    )
    assert.equal((await stat(file('prod'))).mode & 0o777, 0o600)
    assert.equal(await readlink(path.join(home, 'profiles', 'current')), 'prod.yaml')

    assert.equal(
      (await run(['profile', 'list'])).out,
      `CURRENT  NAME  ENDPOINT                       AUTH
         lab   http://192.0.2.1:1234          none
*        prod  https://node.example.org:1234  token
`,
    )
    assert.equal(
      (await run(['profile', 'list', '--output', 'csv', '--hide-header'])).out.split('\n')[0],
      ',lab,http://192.0.2.1:1234,none',
    )
    const shown = await run(['profile', 'show'])
    assert.match(shown.out, /^Name: prod\nCurrent: true\n[^]*Token: "\*{8}"\n/)
    assert.match((await run(['profile', 'show', 'prod', '--show-token'])).out, /Token: secret/)
    assert.match((await run(['profile', 'show', '--profile', 'lab'])).out, /^Name: lab\n[^]*Timeout: 1m30s\n$/)

    assert.equal((await run(['profile', 'select', 'lab'])).code, 0)
    assert.equal(await selectedProfile(profileFolder(home)), 'lab')
    assert.equal((await run(['profile', 'delete', 'lab', '-f'])).out, "Profile 'lab' deleted.\n")
    assert.equal(await selectedProfile(profileFolder(home)), undefined)
    assert.match((await run(['profile', 'show'])).err, /^Error: no profile is selected\nHint: /)
  })

  test('are deleted only when somebody says so', async () => {
    await run(['profile', 'save', 'a', '--endpoint', 'x'])
    assert.match((await run(['profile', 'delete', 'a'])).err, /nobody is there to confirm\nHint: {2}Add --force\./)
    assert.equal((await run(['profile', 'delete', 'a'], { inputIsTerminal: true, input: 'n\n' })).code, 1)
    await stat(file('a'))
    assert.equal((await run(['profile', 'delete', 'a'], { inputIsTerminal: true, input: 'y\n' })).code, 0)
    await assert.rejects(stat(file('a')))
  })

  test('mistakes are told with what to do', async () => {
    const cases: readonly [argv: string[], error: RegExp][] = [
      [['save', 'a'], /--endpoint: is needed\nHint: {2}For example --endpoint https:/],
      [['save', 'a', '--endpoint', 'ftp://x'], /'ftp:\/\/x' is no address/],
      [['save', 'a', '--endpoint', 'http://u:p@x'], /must hold no password/],
      [['save', 'a', '--endpoint', 'x', '--timeout', 'soon'], /'soon' is no time span/],
      [['save', '../a', '--endpoint', 'x'], /'\.\.\/a' cannot be the name/],
      [['save', 'current', '--endpoint', 'x'], /cannot be the name/],
      [['select', 'nope'], /profile 'nope' not found\nHint: {2}Save one/],
    ]
    for (const [argv, error] of cases) {
      const { code, err } = await run(['profile', ...argv])
      assert.equal(code, 1)
      assert.match(err, error)
    }
    await writeProfile(profileFolder(home), 'one', { endpoint: 'http://x' })
    assert.match((await run(['profile', 'show', 'nope'])).err, /Hint: {2}There are one\./)
  })

  test('a file that is broken is named', async () => {
    const folder = profileFolder(home)
    await writeProfile(folder, 'a', { endpoint: 'http://x' })
    for (const [text, message] of [
      ['- a', /a\.yaml: endpoint is missing/],
      ['endpoint: [', /a\.yaml: /],
      ['endpoint: x\ntimeout: soon', /timeout must be a time span/],
      ['#'.repeat(70_000), /larger than/],
    ] as const) {
      await writeFile(file('a'), text)
      await assert.rejects(readProfile(folder, 'a'), { code: 'ConfigurationError', message })
    }
    await writeFile(file('a'), 'Endpoint: http://x\nAUTH: {Token: t}\nother: 1\n')
    assert.equal((await readProfile(folder, 'a')).token, 't')
  })

  test('the flag wins over the environment, and that over the selected one', async () => {
    const folder = profileFolder(home)
    for (const name of ['a', 'b', 'c']) await writeProfile(folder, name, { endpoint: `http://${name}` })
    await run(['profile', 'select', 'a'])
    const endpoint = async (env: Record<string, string>, flags = {}) =>
      (await activeProfile({ env }, flags, home))?.endpoint
    assert.equal(await endpoint({}), 'http://a')
    assert.equal(await endpoint({ BACALHAU_PROFILE: 'b' }), 'http://b')
    assert.equal(await endpoint({ BACALHAU_PROFILE: 'b' }, { profile: 'c' }), 'http://c')
    assert.equal(await activeProfile({ env: {} }, {}, path.join(home, 'elsewhere')), undefined)
  })
})

describe('time spans', () => {
  test('as Go writes them', () => {
    const known = { '30s': 30_000, '1m30s': 90_000, '2h': 7_200_000, '250ms': 250, '1.5s': 1_500, '45': 45_000 }
    for (const [text, span] of Object.entries(known)) assert.equal(parseDuration(text), span, text)
    for (const wrong of ['', 's', '1', '-1s', '1x', '1s2', ' 1s'].filter((text) => text !== '1')) {
      assert.equal(parseDuration(wrong), undefined, wrong)
    }
  })

  test('what is written is read', () => {
    fc.assert(fc.property(fc.nat(1e9), (span) => assert.equal(parseDuration(formatDuration(span)), span)))
  })
})

test('no name of a profile leads out of its folder', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      try {
        const inside = path.join('/p', `${checkProfileName(name)}.yaml`)
        assert.equal(path.dirname(inside), '/p')
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'InvalidFlag')
      }
    }),
  )
})
