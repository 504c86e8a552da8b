import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { mediaTypeOf } from './media-type.ts'

describe('media type', () => {
  test('is told for texts and pictures', () => {
    assert.equal(mediaTypeOf('stdout'), 'text/plain; charset=utf-8')
    assert.equal(mediaTypeOf('words.TXT'), 'text/plain; charset=utf-8')
    assert.equal(mediaTypeOf('a.b.png'), 'image/png')
    assert.equal(mediaTypeOf('data.json'), 'application/json')
  })

  test('is that of bytes for everything else', () => {
    for (const name of [
      '',
      'a',
      'page.html',
      'pic.svg',
      'x.js',
      'x.xml',
      '.',
      'a.constructor',
      'a.tostring',
      'png',
      'a.png ',
      'a.htm',
    ]) {
      assert.equal(mediaTypeOf(name), 'application/octet-stream', name)
    }
  })

  test('is never one that runs', () => {
    fc.assert(fc.property(fc.string(), (name) => assert.doesNotMatch(mediaTypeOf(name), /html|svg|script|xml/)))
  })
})
