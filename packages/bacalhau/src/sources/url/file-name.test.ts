import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fileNameOf } from './file-name.ts'

const named = (url: string, disposition?: string, redirected = false): string =>
  fileNameOf({ url: new URL(url), redirected, disposition })

describe('the name of a file from the web', () => {
  for (const [url, name] of [
    ['http://x/a/b.csv', 'b.csv'],
    ['http://x/a/b.csv?c=/d.csv', 'b.csv'],
    ['http://x/%C3%A4%20b', 'ä b'],
    ['http://x/a%2F..%2Fb', 'b'],
    ['http://x/a%5C..%5Cb', 'b'],
    ['http://x/%2e%2e%2f', 'download'],
    ['http://x/%00%0a', 'download'],
    ['http://x/100%', '100%'],
    ['http://x/?a', 'download'],
  ] as const) {
    test(`of ${url} is ${name}`, () => assert.equal(named(url), name))
  }

  for (const [disposition, name] of [
    ['attachment; filename="a b.txt"', 'a b.txt'],
    ['attachment; filename=a.txt; size=3', 'a.txt'],
    ['attachment; filename="a\\"b"', 'a"b'],
    ["attachment; filename=x; filename*=UTF-8''%e2%82%ac.txt", '€.txt'],
    ['attachment; filename="../../etc/passwd"', 'passwd'],
    ['attachment; filename=".."', 'own'],
    ['attachment', 'own'],
  ] as const) {
    test(`after a redirect, with ${disposition}, is ${name}`, () => {
      assert.equal(named('http://x/own', disposition, true), name)
    })
  }

  test('is the one of the URL where nothing redirects, and the server is asked only without one', () => {
    assert.equal(named('http://x/own', 'attachment; filename=other'), 'own')
    assert.equal(named('http://x/?a', 'attachment; filename=other'), 'other')
  })

  test('is one name that fits on a disk, whatever the server says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), fc.boolean(), (text, redirected) => {
        const url = `http://x/${encodeURIComponent(text.toWellFormed())}`
        for (const name of [named(url), named('http://x/', `a; filename="${text}"`, redirected)]) {
          assert.ok(Buffer.byteLength(name) <= 255 && name !== '' && name !== '.' && name !== '..', name)
          assert.doesNotMatch(name, /[/\\\0]/)
        }
      }),
    )
  })

  test('keeps its extension when it is cut', () => {
    assert.match(named(`http://x/${'ä'.repeat(300)}.tar.gz`), /^ä+\.gz$/)
  })
})
