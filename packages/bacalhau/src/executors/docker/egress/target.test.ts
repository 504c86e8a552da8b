import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { plainTarget, portOf, Refusal, tunnelTarget } from './target.ts'

const everywhere = () => true
const statusOf = (action: () => unknown): number => {
  try {
    action()
    return 200
  } catch (error) {
    return error instanceof Refusal ? error.status : assert.fail(String(error))
  }
}

describe('where a request of a job goes', () => {
  test('is a whole address of the web', () => {
    const target = plainTarget('http://Good.test:8080/a?b', everywhere)
    assert.deepEqual([target.hostname, portOf(target), target.pathname, target.search], ['good.test', 8080, '/a', '?b'])
    assert.equal(portOf(plainTarget('http://good.test', everywhere)), 80)
    for (const line of [
      '/',
      '',
      'good.test',
      'https://good.test/',
      'ftp://good.test/',
      'http://',
      'file:///etc/passwd',
    ])
      assert.equal(
        statusOf(() => plainTarget(line, everywhere)),
        400,
        line,
      )
  })

  test('is a name and a port for a tunnel', () => {
    const target = tunnelTarget('Good.test:443', everywhere)
    assert.deepEqual([target.hostname, portOf(target)], ['good.test', 443])
    assert.equal(portOf(tunnelTarget('good.test:80', everywhere)), 80)
    assert.equal(tunnelTarget('[2001:db8::1]:443', everywhere).hostname, '[2001:db8::1]')
    for (const authority of [
      '',
      'good.test',
      ':443',
      'a b:443',
      'a@b:443',
      'a/b:443',
      'a:443/',
      'a:99999',
      'http://a:443',
    ])
      assert.equal(
        statusOf(() => tunnelTarget(authority, everywhere)),
        400,
        authority,
      )
  })

  test('is a port for the web, or a high one', () => {
    for (const port of [80, 443, 1024, 65_535])
      assert.equal(
        statusOf(() => tunnelTarget(`a.com:${port}`, everywhere)),
        200,
      )
    for (const port of [0, 22, 25, 1023]) {
      assert.equal(
        statusOf(() => tunnelTarget(`a.com:${port}`, everywhere)),
        403,
      )
      assert.equal(
        statusOf(() => plainTarget(`http://a.com:${port}/`, everywhere)),
        403,
      )
    }
  })

  test('is a host that the rule has seen as it will be looked up, and let through (property)', () => {
    const hosts = fc.oneof(
      fc.domain(),
      fc.ipV4Extended(),
      fc.ipV6().map((address) => `[${address}]`),
      fc.string(),
    )
    fc.assert(
      fc.property(hosts, fc.boolean(), (host, tunnel) => {
        const asked: string[] = []
        const rule = (name: string) => asked.push(name) > 0
        const aim = (isAllowed: (name: string) => boolean) =>
          tunnel ? tunnelTarget(`${host}:443`, isAllowed) : plainTarget(`http://${host}/`, isAllowed)
        let target: URL
        try {
          target = aim(rule)
        } catch (error) {
          return assert.ok(error instanceof Refusal)
        }
        assert.deepEqual(asked, [target.hostname])
        assert.equal(
          statusOf(() => aim(() => false)),
          403,
        )
      }),
    )
  })
})
