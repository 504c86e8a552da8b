import assert from 'node:assert/strict'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HTTP_RESULT } from './messages.ts'
import { headersOf, HttpRefusal, targetOf } from './wish.ts'

const resultOf = (action: () => unknown) => {
  try {
    action()
    return HTTP_RESULT.ok
  } catch (error) {
    return error instanceof HttpRefusal ? error.result : assert.fail(String(error))
  }
}

describe('headers', () => {
  test('are lines; what is between two machines is left out', () => {
    const lines = [
      'Accept: */*',
      '',
      'X-Empty:',
      'a:b:c',
      'HOST: evil',
      'transfer-encoding: chunked',
      'Proxy-Connection: x',
      'te: x\r',
    ]
    assert.deepEqual(headersOf({ headers: lines.join('\n') }), [
      ['Accept', '*/*'],
      ['X-Empty', ''],
      ['a', 'b:c'],
    ])
  })

  test('that are none, or too many, are refused', () => {
    for (const headers of ['x', ': x', 'a b: x', 'a: \u0001', 'a: \u20ac', 'a:b\n'.repeat(101)])
      assert.equal(
        resultOf(() => headersOf({ headers })),
        HTTP_RESULT.badInput,
        headers.slice(0, 10),
      )
  })

  test('never get through in a form that splits a request (property)', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', 'B', ':', ' ', '\r', '\n', '\t', '\0', 'é', '€'),
      maxLength: 40,
    })
    fc.assert(
      fc.property(text, (headers) => {
        let parsed: ReturnType<typeof headersOf> = []
        if (resultOf(() => (parsed = headersOf({ headers }))) !== HTTP_RESULT.ok) return
        for (const [name, value] of parsed) {
          validateHeaderName(name)
          validateHeaderValue(name, value)
          assert.doesNotMatch(value, /[\r\n]/)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('where a wish goes', () => {
  const everywhere = () => true

  test('is an address of the web, without its fragment', () => {
    assert.equal(targetOf('HTTP://Example.com:80/a?b#c', everywhere).href, 'http://example.com/a?b')
    assert.equal(targetOf('../x', everywhere, new URL('https://a.com/b/c')).href, 'https://a.com/x')
    for (const url of ['', 'x', '/x', 'ftp://a.com', 'file:///etc/passwd', 'javascript:1', 'data:,x', 'http://'])
      assert.equal(
        resultOf(() => targetOf(url, everywhere)),
        HTTP_RESULT.invalidUrl,
        url,
      )
  })

  test('is a port for the web, or a high one', () => {
    for (const port of [80, 443, 1024, 8080, 65_535])
      assert.equal(targetOf(`http://a.com:${port}`, everywhere).hostname, 'a.com')
    for (const port of [0, 1, 22, 25, 79, 444, 1023])
      assert.equal(
        resultOf(() => targetOf(`http://a.com:${port}`, everywhere)),
        HTTP_RESULT.notAllowed,
        String(port),
      )
  })

  test('is a host that the rule lets through, whatever else the URL says (property)', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const asked: string[] = []
        const rule = (hostname: string) => asked.push(hostname) > 0
        if (resultOf(() => targetOf(url, rule)) !== HTTP_RESULT.ok) return
        assert.deepEqual(asked, [new URL(url).hostname])
        assert.equal(
          resultOf(() => targetOf(url, () => false)),
          HTTP_RESULT.notAllowed,
        )
      }),
      { numRuns: 30 },
    )
  })
})
