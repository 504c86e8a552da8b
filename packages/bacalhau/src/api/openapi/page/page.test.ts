import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { html, prose } from './html.ts'
import { pageOf } from './page.ts'
import { fieldsOf, typeOf } from './schema.ts'

const EVIL = `</summary><script>alert("1")</script><img src=x onerror='alert(2)'>&`

test('nothing that is put into a template becomes markup', () => {
  assert.equal(html`<b title="${EVIL}">${EVIL}</b>`.text.match(/<[a-z/]/g)?.length, 2)
  assert.equal(html`${[html`<i>${'<'}</i>`, html`&amp;`]}`.text, '<i>&lt;</i>&amp;')
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.doesNotMatch(html`${text}`.text, /[<>"']/)
      assert.doesNotMatch(html`${prose(text)}`.text.replaceAll(/<\/?code>/g, ''), /[<>"']/)
    }),
  )
})

test('a document cannot bring markup into the page', () => {
  const document = {
    info: { title: EVIL, version: EVIL, description: EVIL },
    tags: [{ name: EVIL, description: EVIL }],
    paths: {
      [EVIL]: {
        get: {
          operationId: EVIL,
          tags: [EVIL],
          summary: EVIL,
          description: EVIL,
          parameters: [{ name: EVIL, in: EVIL, description: EVIL, schema: { enum: [EVIL] } }],
          requestBody: { content: { [EVIL]: { schema: { $ref: `#/components/schemas/${EVIL}` } } } },
          responses: { [EVIL]: { description: EVIL, content: { [EVIL]: { schema: { type: EVIL } } } } },
        },
      },
    },
    components: { schemas: { [EVIL]: { properties: { [EVIL]: { description: EVIL, type: EVIL, const: EVIL } } } } },
  }
  const page = pageOf(document)
  assert.doesNotMatch(page, /<img|alert\("1"\)|onerror='/)
  assert.equal(page.match(/<script/g)?.length, 1)
  // What is there is there as text.
  assert.match(page, /&lt;script&gt;alert\(&quot;1&quot;\)/)
})

test('a page of nothing is a page', () => {
  assert.match(pageOf({}), /^<!doctype html>\n<html lang="en">[^]*<\/html>\n$/)
})

test('types read well', () => {
  const read = (schema: object) => typeOf(schema as never).text.replaceAll(/<[^>]+>/g, '')
  assert.equal(read({ type: 'array', items: { $ref: '#/components/schemas/Job' } }), 'list of Job')
  assert.equal(read({ type: 'object', additionalProperties: { type: 'string' } }), 'map of string')
  assert.equal(read({ anyOf: [{ type: 'integer' }, { type: 'string', maxLength: 0 }] }), 'integer')
  assert.equal(read({ anyOf: [{ type: 'string' }, { type: 'null' }] }), 'string or null')
  assert.equal(read({ enum: ['a', 'b'] }), 'a | b')
  assert.equal(read({}), 'anything')
})

test('that a field which may be absent may be null is not said', () => {
  const text = { description: 'About it.', anyOf: [{ type: 'string', maxLength: 9 }, { type: 'null' }] }
  const { text: optional } = fieldsOf({ type: 'object', properties: { A: text } })
  assert.doesNotMatch(optional, /null/)
  assert.match(optional, /string<\/span> <small>at most 9/)
  assert.match(optional, /About it/)
  assert.match(fieldsOf({ type: 'object', properties: { A: text }, required: ['A'] }).text, /string or null/)
})

test('fields say what is needed and how much is allowed', () => {
  const table = fieldsOf({
    properties: { A: { type: 'string', maxLength: 9, description: 'The `a`.' }, B: { properties: { C: {} } } },
    required: ['A'],
  }).text
  assert.match(table, /<code>A<\/code>\s*<span class="mark">needed<\/span>/)
  assert.match(table, /at most 9[^]*The <code>a<\/code>\.[^]*<details>\s*<summary>fields<\/summary>/)
  assert.equal(table.match(/needed/g)?.length, 1)
})
