import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { clientIds, isClientKeyMethod, origins, users } from './config-access.ts'
import { SETTINGS } from './config-settings.ts'
import { readConfigValue } from './config-value.ts'

const Capabilities = [{ Actions: ['read:job', 'write:*'] }, { Actions: ['*'] }]
const ann = { Username: 'Ann', Password: 'long enough', Capabilities }
const key = { APIKey: 'k'.repeat(20), Alias: 'ci', Capabilities }

describe('users', () => {
  test('are read as documented, keys in any letter case', () => {
    const hash = `$2b$10$${'x'.repeat(53)}`
    const list = users.read([ann, key, { username: 'bob', PASSWORD: hash, capabilities: [{ actions: ['admin'] }] }])
    assert.deepEqual(list, [
      {
        alias: undefined,
        capabilities: ['read:job', 'write:*', '*'],
        login: { username: 'Ann', password: 'long enough' },
      },
      { alias: 'ci', capabilities: ['read:job', 'write:*', '*'], login: { apiKey: 'k'.repeat(20) } },
      { alias: undefined, capabilities: ['admin'], login: { username: 'bob', password: hash } },
    ])
    assert.equal(users.read(JSON.stringify([ann]))?.length, 1)
    assert.deepEqual(users.read([]), [])
  })

  test('are shown as documented, without their secrets, and written to a file with them', () => {
    const list = users.read([ann, key]) ?? []
    const Flat = [{ Actions: ['read:job', 'write:*', '*'] }]
    assert.deepEqual(users.plain?.(list, '***'), [
      { Username: 'Ann', Password: '***', Capabilities: Flat },
      { Alias: 'ci', APIKey: '***', Capabilities: Flat },
    ])
    assert.deepEqual(users.read(users.plain?.(list)), list)
    assert.deepEqual(users.read(readConfigValue('apiUsers', JSON.stringify([ann]))), users.read([ann]))
  })

  const WRONG: readonly [name: string, input: unknown, problem: RegExp][] = [
    ['no list', { ann }, /must be a list/],
    ['no JSON', 'ann', /JSON/],
    ['no user', ['ann'], /user 1 must hold keys/],
    ['neither name nor key', [{ Capabilities }], /user 1 must have a Username and a Password, or an APIKey/],
    ['a name without a password', [{ Username: 'ann', Capabilities }], /and a Password/],
    ['name and key', [{ ...ann, APIKey: key.APIKey }], /not both/],
    ['a short password', [{ ...ann, Password: '123456789' }], /10 to 255/],
    ['a long password', [{ ...ann, Password: 'x'.repeat(256) }], /10 to 255/],
    ['a broken hash', [{ ...ann, Password: '$2b$10$short' }], /hash-password/],
    ['a short key', [{ ...key, APIKey: 'k'.repeat(19) }], /20 to 255/],
    ['a long key', [{ ...key, APIKey: 'k'.repeat(256) }], /20 to 255/],
    ['a name with a colon', [{ ...ann, Username: 'a:b' }], /letters and digits/],
    ['a long name', [{ ...ann, Username: 'a'.repeat(101) }], /100/],
    ['no capabilities', [{ ...ann, Capabilities: [] }], /at least one capability/],
    ['no actions', [{ ...ann, Capabilities: [{}] }], /list of Actions/],
    ['an unknown capability', [{ ...ann, Capabilities: [{ Actions: ['read:everything'] }] }], /read:everything/],
    ['an unknown key', [{ ...ann, Admin: true }], /user 1: unknown key admin/],
    ['a name twice', [ann, { ...ann, Username: 'ANN' }], /two users have the name ann/],
    ['a key twice', [key, key], /same APIKey/],
  ]
  for (const [name, input, problem] of WRONG) {
    test(`are refused with ${name}`, () => {
      assert.equal(users.read(input), undefined)
      assert.match(users.problem?.(input) ?? '', problem)
    })
  }

  test('are never quoted with their secrets', () => {
    const secret = 'Sesame-open-1'
    for (const wrong of [
      { ...ann, Username: '!' },
      { ...ann, Capabilities: [] },
      { ...ann, X: 1 },
    ]) {
      assert.doesNotMatch(users.problem?.([{ ...wrong, Password: secret }]) ?? '', /Sesame/)
    }
  })

  test('of any shape are either read or refused with a reason', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        assert.equal(users.read(input) === undefined, users.problem?.(input) !== undefined)
      }),
    )
  })
})

test('origins are those of web pages', () => {
  assert.deepEqual(origins.read('https://a.example, http://localhost:3000'), [
    'https://a.example',
    'http://localhost:3000',
  ])
  assert.deepEqual(origins.read(['*']), ['*'])
  for (const wrong of ['a.example', 'https://a.example/', 'https://*.example', 'null', 1]) {
    assert.equal(origins.read(wrong), undefined, String(wrong))
  }
})

test('client IDs have 64 digits', () => {
  assert.deepEqual(clientIds.read(`${'A'.repeat(64)},${'0'.repeat(64)}`), ['A'.repeat(64), '0'.repeat(64)])
  for (const wrong of ['a', 'g'.repeat(64), 7]) assert.equal(clientIds.read(wrong), undefined)
})

test('what would guard the API and is not there cannot be asked for', () => {
  const { kind: policy } = SETTINGS.apiPolicy
  assert.equal(policy.read('/policy.rego'), undefined)
  assert.match(policy.expects, /Rego.*not supported/)
  assert.equal(policy.read(''), false)
  assert.equal(SETTINGS.apiSso.kind.read({ ProviderID: 'x' }), undefined)
  assert.equal(SETTINGS.apiSso.kind.read({ ProviderID: '', Scopes: [] }), false)
})

test('the one way to log in that there is may be named', () => {
  for (const fine of [
    { ClientKey: { Type: 'challenge' } },
    { clientkey: { type: 'challenge', policypath: '' } },
    {},
    'ClientKey=challenge',
  ]) {
    assert.equal(isClientKeyMethod(fine), true)
  }
  for (const wrong of [{ Ask: { Type: 'ask' } }, { ClientKey: { Type: 'challenge', PolicyPath: '/x' } }, 'x', 7]) {
    assert.equal(isClientKeyMethod(wrong), false)
  }
})
