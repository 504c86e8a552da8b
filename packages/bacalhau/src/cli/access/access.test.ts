import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { temporaryApi } from '../../api/testing/api.ts'
import { loadUserKey } from '../../network/user-key.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { runProgram } from '../program.ts'
import { loadSettings, type SettingFlags } from '../settings.ts'
import { findCredential } from './credential.ts'
import { forgetLogin, keepLogin, readLogin } from './logins.ts'
import { readPassword } from './password.ts'
import { readSpan } from './span.ts'

const never = new AbortController().signal

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'access-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the credential of a command', () => {
  const NODE = 'http://node.example.org:1234'

  async function found(
    context: TestContext,
    env: Record<string, string>,
    flags: SettingFlags = {},
    file = '',
    token?: string,
  ) {
    const folder = await temporaryFolder(context)
    await writeFile(path.join(folder, 'config.yaml'), file)
    await keepLogin(folder, NODE, 'of a login')
    const io = recordedIo({ env: { BACALHAU_PATH: folder, ...env }, cwd: folder })
    const profile = token === undefined ? undefined : { endpoint: NODE, token }
    const { credential, origin } = await findCredential({
      io,
      loaded: await loadSettings(io, flags),
      profile,
      baseUrl: NODE,
    })
    return { ...credential, origin }
  }

  test('is the first of variables, profile, configuration and login', async (context) => {
    const user = { BACALHAU_API_USERNAME: 'ann', BACALHAU_API_PASSWORD: 'secret' }
    const all = { BACALHAU_API_KEY: 'key', ...user }
    const file = 'API: {Host: node.example.org, Token: of the file}'
    assert.equal((await found(context, all, {}, file, 'of the profile')).token, 'key')
    assert.deepEqual((await found(context, user, {}, file, 'of the profile')).basic, {
      username: 'ann',
      password: 'secret',
    })
    assert.equal((await found(context, {}, {}, file, 'of the profile')).token, 'of the profile')
    assert.equal((await found(context, {}, {}, file)).token, 'of the file')
    assert.equal((await found(context, {})).token, 'of a login')
    assert.equal((await found(context, { BACALHAU_API_USERNAME: 'ann' })).token, 'of a login')
  })

  test('of a file does not go to another host that is named on the command line', async (context) => {
    const file = 'API: {Host: node.example.org, Token: of the file}'
    assert.equal((await found(context, {}, { 'api-host': 'other.example' }, file)).token, 'of a login')
    assert.equal((await found(context, { BACALHAU_API_HOST: 'other.example' }, {}, file)).token, 'of a login')
    assert.equal((await found(context, {}, { 'api-host': '127.0.0.1' }, file)).token, 'of the file')
    assert.equal(
      (await found(context, { BACALHAU_API_TOKEN: 'now' }, { 'api-host': 'other.example' }, file)).token,
      'now',
    )
  })
})

describe('logins', () => {
  test('are kept by address, in a file for its owner only', async (context) => {
    const folder = await temporaryFolder(context)
    assert.equal(await readLogin(folder, 'http://a'), undefined)
    await keepLogin(folder, 'http://a', 'one')
    await keepLogin(folder, 'http://b', 'two')
    assert.deepEqual([await forgetLogin(folder, 'http://a'), await forgetLogin(folder, 'http://a')], [true, false])
    assert.deepEqual([await readLogin(folder, 'http://a'), await readLogin(folder, 'http://b')], [undefined, 'two'])
    const file = path.join(folder, 'tokens.json')
    assert.equal((await stat(file)).mode & 0o077, 0)
    // As the Go program writes it.
    assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), {
      'http://b': { Scheme: 'Bearer', Value: 'two', Params: null },
    })
  })

  test('in a damaged file are not guessed', async (context) => {
    const folder = await temporaryFolder(context)
    await writeFile(path.join(folder, 'tokens.json'), '[1')
    await assert.rejects(readLogin(folder, 'http://a'), { code: 'ConfigurationError', message: /tokens\.json/ })
  })
})

describe('auth', () => {
  async function world(context: TestContext) {
    const folder = await temporaryFolder(context)
    const api = await temporaryApi(context)
    const run = async (words: readonly string[], env: Record<string, string> = {}, input = '') => {
      const io = recordedIo({ env: { BACALHAU_PATH: folder, ...env }, cwd: folder, input })
      const code = await runProgram([...words, '--api-port', String(api.port)], io, never)
      return { code, out: io.outText(), err: io.errText() }
    }
    return { folder, api, run }
  }

  test('token create prints the token alone, and all about it beside', async (context) => {
    const { run } = await world(context)
    const made = await run(['auth', 'token', 'create', '--name', 'ci', '--scope', 'read', '--expires', '30d'])
    assert.match(made.out, /^bac_[\w-]{43}\n$/)
    assert.match(made.err, /^Token t-[\da-f]{12} \(read\), good until .* bacalhau auth token revoke t-/)
    const env = { BACALHAU_API_KEY: made.out.trim() }
    assert.match(
      (await run(['auth', 'info'], env)).out,
      /Credential +BACALHAU_API_KEY\nTaken for +ci \(t-.*\nMay +read:\*\n/,
    )
    const refused = await run(['auth', 'token', 'list'], env)
    assert.deepEqual([refused.code, refused.out], [1, ''])
    assert.match(refused.err, /Request Forbidden: this needs admin; ci .* may do read:\*/)
    const { Token, Info } = JSON.parse(
      (await run(['auth', 'token', 'create', '--namespace', 'a', '--output', 'json'])).out,
    )
    assert.deepEqual([Token.slice(0, 4), Info.Scope, Info.Namespaces], ['bac_', 'submit', ['a']])
  })

  test('token list and revoke', async (context) => {
    const { run, api } = await world(context)
    assert.match((await run(['auth', 'token', 'list'])).out, /No tokens yet/)
    const { Info } = await api.client.tokens.create({ name: 'ci', namespaces: ['a', 'b'] })
    assert.match(
      (await run(['auth', 'token', 'list'])).out,
      /^ID .*\nt-[\da-f]{12} +ci +submit +a, b +just now +never\n$/,
    )
    assert.equal((await run(['auth', 'token', 'revoke', Info.ID])).out, `Token ${Info.ID} is revoked.\n`)
    assert.deepEqual(await api.client.tokens.list(), [])
    const again = await run(['auth', 'token', 'revoke', Info.ID])
    assert.match(again.err, /token not found: t-/)
    assert.match((await run(['auth', 'token', 'create', '--expires', 'soon'])).err, /no span of time/)
  })

  test('a node that is called in the wrong way is not taken for one that is not there', async (context) => {
    const { run, api } = await world(context)
    const { code, err } = await run(['--api-host', `https://127.0.0.1:${api.port}`, 'auth', 'info'])
    assert.equal(code, 1)
    assert.match(err, /does not speak TLS\nHint: {2}Begin the address with http:/)
    assert.match(
      (await run(['auth', 'info', '--api-host', 'http://127.0.0.1:1'])).err,
      /not reachable .*\nHint: {2}Start a node/,
    )
  })

  test('login with a key that is allowed', async (context) => {
    const { run, folder, api } = await world(context)
    const { clientId } = await loadUserKey(folder)
    assert.match((await run(['auth', 'key', 'allow', clientId, '--scope', 'read'])).out, /may read, namespaces: all/)
    assert.match((await run(['auth', 'key', 'list'])).out, new RegExp(`${clientId} +read +all`))
    assert.match((await run(['auth', 'login'])).out, new RegExp(`Logged in to ${api.url} as ${clientId}`))
    const token = await readLogin(folder, api.url)
    const asked = await fetch(`${api.url}/api/v1/auth/whoami`, {
      headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': '192.0.2.1' },
    })
    assert.deepEqual(await asked.json(), { Name: clientId, Kind: 'clientKey', Capabilities: ['read:*'] })
    assert.match((await run(['auth', 'key', 'remove', clientId])).err, /this needs admin/, 'as whom one logged in')
    assert.match((await run(['auth', 'info'])).out, /Credential +bacalhau auth login\n/)
    assert.match((await run(['auth', 'logout'])).out, /^Logged out of http/)
    assert.match((await run(['auth', 'logout'])).out, /^There was no login/)
    assert.match((await run(['auth', 'key', 'remove', clientId])).out, /not allowed any more/)
    assert.match((await run(['auth', 'key', 'allow', 'short'])).err, /64 hexadecimal digits/)
  })

  test('hash-password prints a hash of what is piped in', async (context) => {
    const { run } = await world(context)
    const { out } = await run(['auth', 'hash-password'], {}, 'correct horse\nrest')
    const { compare } = await import('bcryptjs')
    assert.equal(await compare('correct horse', out.trim()), true)
    assert.match((await run(['auth', 'hash-password'], {}, 'short')).err, /10 to 255/)
    assert.match((await run(['auth', 'hash-password'], {}, 'x'.repeat(73))).err, /72 bytes/)
  })

  test('groups of commands have help', async (context) => {
    const { run } = await world(context)
    assert.match((await run(['auth', 'token'])).out, /auth token revoke <id>/)
    assert.match((await run(['auth', 'tokens'])).err, /unknown command 'auth tokens'/)
    assert.match((await run(['auth', 'token', 'mke'])).err, /unknown command 'auth token mke'/)
  })
})

test('a password is typed unseen', async () => {
  const io = recordedIo({ inputIsTerminal: true, terminal: 80 })
  const reading = readPassword(io, never)
  await new Promise((resolve) => setImmediate(resolve))
  for (const keys of ['sec', 'x', '\u007f', 'ret\r']) io.press(keys)
  assert.equal(await reading, 'secret')
  assert.doesNotMatch(io.errText(), /sec/)
})

test('spans of time', () => {
  assert.deepEqual(
    ['90m', '12h', '30d', '2w', '1y'].map((text) => readSpan(text, 'expires') / 60_000),
    [90, 720, 43_200, 20_160, 525_600],
  )
  for (const wrong of ['', '0d', '-1d', '1', '1s', '1.5d', 'd', '999999d']) {
    assert.throws(() => readSpan(wrong, 'expires'), { code: 'InvalidFlag' })
  }
})
