import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hostRule } from './domains.ts'

const host = (url: string) => new URL(url).hostname

describe('domains of a job', () => {
  const cases: [domain: string, yes: string[], no: string[]][] = [
    ['example.com', ['example.com', 'EXAMPLE.com', 'example.com.'], ['a.example.com', 'example.com.evil.net', 'com']],
    ['*.example.com', ['a.example.com', 'a.b.example.com'], ['example.com', 'badexample.com', 'example.com.evil.net']],
    ['.example.com', ['example.com', 'a.example.com'], ['badexample.com', 'com']],
    ['EXAMPLE.com', ['example.com'], ['example.org']],
    ['10.0.0.1', ['10.0.0.1', '0xa.1', '167772161'], ['10.0.0.2', '110.0.0.1']],
    ['::1', ['[::1]', '[0:0::1]'], ['[::2]', '127.0.0.1']],
    ['*.0.0.1', [], ['127.0.0.1']],
  ]
  for (const [domain, yes, no] of cases) {
    test(`point 13: ${domain}`, () => {
      const rule = hostRule([domain])
      for (const name of yes) assert.equal(rule(host(`http://${name}/`)), true, name)
      for (const name of no) assert.equal(rule(host(`http://${name}/`)), false, name)
    })
  }

  test('none reach nothing, several reach each', () => {
    assert.equal(hostRule([])('example.com'), false)
    const rule = hostRule(['a.com', '*.b.com'])
    assert.deepEqual(['a.com', 'x.b.com', 'b.com'].map(rule), [true, true, false])
  })

  test('a wildcard reaches names below it, and no others (property)', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/)
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), label, (labels, top) => {
        const domain = `${top}.example`
        const name = labels.join('.')
        assert.equal(hostRule([`*.${domain}`])(`${name}.${domain}`), true)
        assert.equal(hostRule([`*.${domain}`])(`${name}${domain}`), false)
        assert.equal(hostRule([domain])(`${name}.${domain}`), false)
      }),
    )
  })
})
