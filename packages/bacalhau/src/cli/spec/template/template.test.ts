import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { renderTemplate } from './render.ts'
import { templateValues } from './values.ts'

const render = (source: string, values: Readonly<Record<string, string>> = {}) =>
  renderTemplate(source, 'job.yaml', new Map(Object.entries(values)))

const refused = (message: RegExp, hint?: RegExp) => (error: Error & { code?: string; hint?: string }) => {
  assert.equal(error.code, 'ValidationError')
  assert.match(error.message, message)
  if (hint !== undefined) assert.match(error.hint ?? '', hint)
  return true
}

describe('templates', () => {
  // What Go's text/template makes of the same.
  const known: readonly [source: string, result: string][] = [
    ['plain text }} stays', 'plain text }} stays'],
    ['{{.city}}/{{ .year }}', 'Oslo/2026'],
    ['a {{- .city -}} b', 'aOslob'],
    ['a {{- /* why */ -}} b', 'ab'],
    ['{{/* why: }} */}}x', 'x'],
    ['{{"a}}b"}}', 'a}}b'],
    ['{{`raw "x" \\n`}}', 'raw "x" \\n'],
    ['{{"tab\\tnew\\u00e9"}}', 'tab\tnewé'],
    ['{{12}} {{-3}} {{1.5}} {{true}}', '12 -3 1.5 true'],
    ['{{if .city}}yes{{end}}', 'yes'],
    ['{{if .none}}yes{{else}}no{{end}}', 'no'],
    ['{{if eq .city "Rome"}}1{{else if eq .city "Oslo"}}2{{else}}3{{end}}', '2'],
    ['{{if eq .city "Rome" "Oslo"}}any{{end}}', 'any'],
    ['{{if not .none}}a{{if .city}}b{{end}}c{{end}}', 'abc'],
    ['{{with .city}}<{{.}}>{{else}}none{{end}}', '<Oslo>'],
    ['{{with .none}}<{{.}}>{{else}}none{{end}}', 'none'],
    ['{{.city | printf "%q"}}', '"Oslo"'],
    ['{{printf "%05d|%-4s|%v|%%" 42 "a" true}}', '00042|a   |true|%'],
    ['{{len .city}} {{len "é"}}', '4 2'],
    ['{{and .city .none}}|{{or .none .city}}', '|Oslo'],
    ['{{or .city .missing}}', 'Oslo'],
    ['{{if and (eq .city "Oslo") (ne .year "1999")}}ok{{end}}', 'ok'],
    ['{{lt 1 2}} {{ge "b" "a"}} {{gt 1 2}} {{le 2 2}}', 'true true false true'],
    ['{{print .city "-" .year}}', 'Oslo-2026'],
    ['{{urlquery "a b&c"}}', 'a+b%26c'],
  ]
  for (const [source, result] of known) {
    test(source, () => assert.equal(render(source, { city: 'Oslo', year: '2026', none: '' }), result))
  }

  test('mistakes are told with their line and what to do', () => {
    const cases: readonly [source: string, message: RegExp, hint?: RegExp][] = [
      ['a\nb: {{.x}}', /^job\.yaml line 2: no value for \{\{\.x\}\}$/, /--template-vars x=VALUE/],
      ['{{.x', /line 1: \{\{ is not closed/, /--no-template/],
      ['{{if .x}}', /\{\{if\}\} without an \{\{end\}\}/],
      ['{{end}}', /\{\{end\}\} without an/],
      ['{{else}}', /\{\{else\}\} without an/],
      ['{{if true}}{{else}}', /\{\{else\}\} without an \{\{end\}\}/],
      ['{{if true}}{{else 1}}{{end}}', /takes nothing but if or with/],
      ['{{}}', /a value is missing/],
      ['{{1 2}}', /two values/],
      ['{{(1}}', /'\(' is not closed/],
      ['{{1)}}', /'\)' without/],
      ['{{1 | 2}}', /must be followed by a function/],
      ['{{range .x}}{{end}}', /\{\{range\}\} is not supported/, /if, else, with and end/],
      ['{{$x := 1}}', /unexpected '\$x/, /Variables/],
      ['{{toUpper "a"}}', /no function 'toUpper'/, /printf/],
      ['{{constructor 1}}', /no function 'constructor'/],
      ['{{eq 1 "1"}}', /cannot compare number and string/],
      ['{{eq 1}}', /compares two values/],
      ['{{not}}', /takes one value/],
      ['{{printf "%d"}}', /no value for %d/],
      ['{{printf "x" 1}}', /more values than verbs/],
      ['{{.}}', /has no value here/],
      ['{{with "a"}}{{.b}}{{end}}', /no value within/],
      ['{{"\\x"}}', /escape that is not known/],
      ['{{if true}}'.repeat(60), /nested too deeply/],
      [`{{${'('.repeat(60)}`, /not closed/],
      [`{{${'('.repeat(60)}1${')'.repeat(60)}}}`, /nested too deeply/],
    ]
    for (const [source, message, hint] of cases) assert.throws(() => render(source), refused(message, hint), source)
  })

  test('text without actions comes out as it went in, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('{{'))
        assert.equal(render(text), text)
      }),
    )
  })

  test('values come out as they went in: they are no templates themselves', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('{{.b}}', '{{', '}}', '"', '`'))
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), value, (text, a) => {
        fc.pre(!text.includes('{'))
        assert.equal(render(`${text}{{.a}}${text}`, { a }), `${text}${a}${text}`)
      }),
    )
  })

  test('any text is rendered or refused with a line', () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        '{{',
        '}}',
        '{{-',
        '-}}',
        'if ',
        'else',
        'end',
        'with ',
        '.a',
        '"',
        '`',
        '(',
        ')',
        '|',
        'eq',
        ' ',
        '\n',
        '1',
      ),
      fc.string({ maxLength: 3 }),
    )
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 15 }), (parts) => {
        try {
          render(parts.join(''), { a: 'x' })
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ValidationError', String(error))
          assert.match((error as Error).message, /^job\.yaml line \d+: /)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('values', () => {
  const flags = {
    'no-template': false,
    'template-vars': [] as string[],
    'template-envs': undefined as string | undefined,
  }
  const env = { APP_CITY: 'Oslo', HOME: '/home', EMPTY: '' }

  test('are named, one or several at a time; a comma else belongs to the value', () => {
    const values = templateValues({ ...flags, 'template-vars': ['a=1,b=x,y', 'c=', 'a=2=3'] }, env)
    assert.deepEqual(
      [...values],
      [
        ['a', '2=3'],
        ['b', 'x,y'],
        ['c', ''],
      ],
    )
  })

  test('are taken from the environment by a pattern; what is named wins', () => {
    const vars = ['APP_CITY=Rome']
    assert.deepEqual([...templateValues({ ...flags, 'template-envs': '^APP_' }, env)], [['APP_CITY', 'Oslo']])
    assert.equal(templateValues({ ...flags, 'template-vars': vars, 'template-envs': '*' }, env).get('APP_CITY'), 'Rome')
    assert.deepEqual([...templateValues({ ...flags, 'template-envs': '*' }, env).keys()].toSorted(), [
      'APP_CITY',
      'EMPTY',
      'HOME',
    ])
    assert.equal(templateValues(flags, env).size, 0)
  })

  test('that are none are refused', () => {
    for (const wrong of ['a', '=1', 'a b=1']) {
      assert.throws(() => templateValues({ ...flags, 'template-vars': [wrong] }, env), { code: 'InvalidFlag' }, wrong)
    }
    assert.throws(() => templateValues({ ...flags, 'template-envs': '(' }, env), { code: 'InvalidFlag' })
  })
})
