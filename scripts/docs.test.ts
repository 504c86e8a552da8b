import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { isLegacySpec, parseLegacySpec, parseSubmission } from '@bacalhau/models'
import { parse } from 'yaml'
import { z } from 'zod'
import { renderSections } from './reference/field-table.ts'
import { references } from './reference/references.ts'

const root = path.join(import.meta.dirname, '..')
const pages = await references()

describe('generated pages', () => {
  for (const [file, text] of pages) {
    test(`${file} is as the code says; if not, run npm run docs`, async () => {
      assert.equal(await readFile(path.join(root, file), 'utf8'), text)
    })
  }

  test('describe every field', () => {
    const rows = [...pages].filter(([file]) => file.endsWith('job-spec.md')).flatMap(([, text]) => text.split('\n'))
    const fields = rows.filter((row) => row.startsWith('| `'))
    assert.ok(fields.length > 80, String(fields.length))
    assert.deepEqual(
      fields.filter((row) => /\|\s*\|$/.test(row)),
      [],
    )
  })

  test('link only to what is there', () => {
    const anchors = new Set<string>()
    for (const [file, text] of pages) {
      anchors.add(path.basename(file))
      for (const [, title = ''] of text.matchAll(/^## (.+)$/gm)) {
        anchors.add(`${path.basename(file)}#${title.toLowerCase().replaceAll(' ', '-')}`)
      }
    }
    for (const [file, text] of pages) {
      for (const [, target = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
        assert.ok(
          anchors.has(target.startsWith('#') ? `${path.basename(file)}${target}` : target),
          `${file}: ${target}`,
        )
      }
    }
  })

  test('show jobs that are accepted', () => {
    const examples = [...pages.values()].flatMap((text) => [...text.matchAll(/^```(?:yaml|json)\n(.*?)^```/gms)])
    const jobs = examples.map(([, text = '']) => parse(text) as object).filter((document) => !('Status' in document))
    assert.equal(jobs.length, 2)
    for (const job of jobs)
      assert.ok((isLegacySpec(job) ? parseLegacySpec(job) : parseSubmission(job)).ok, JSON.stringify(job))
  })
})

test('a table shows type, default, bounds and meaning of each field', () => {
  const inner = z.strictObject({ Left: z.boolean().describe('Side | way.') })
  const outer = z.strictObject({
    Text: z.string().max(2_000).describe('Some text.'),
    Word: z.enum(['a', 'b']).default('b').describe('One of two.'),
    Number: z.int().min(-1).max(5).optional().describe('Whole.'),
    Share: z.number().min(0).optional().describe('Any.'),
    List: z.array(inner).max(3).default([]).describe('Inner ones.'),
    Map: z.record(z.string(), z.string()).optional().describe('By name.'),
    Any: z.record(z.string(), z.unknown()).optional().describe('Whatever.'),
    Elsewhere: z.strictObject({}).optional().describe('Bare.'),
  })
  const sections = [
    { title: 'Outer one', schema: outer, text: 'Words.' },
    { title: 'Inner one', schema: inner, page: 'other.md' },
  ]
  assert.equal(
    renderSections(sections),
    `## Outer one

Words.

| Field | Type | Default | Bounds | Meaning |
| --- | --- | --- | --- | --- |
| \`Text\` | text | required | up to 2,000 characters | Some text. |
| \`Word\` | \`a\`, \`b\` | \`b\` |  | One of two. |
| \`Number\` | whole number |  | -1 to 5 | Whole. |
| \`Share\` | number |  | at least 0 | Any. |
| \`List\` | list of [Inner one](other.md#inner-one) | empty | up to 3 items | Inner ones. |
| \`Map\` | text by name |  |  | By name. |
| \`Any\` | object |  |  | Whatever. |
| \`Elsewhere\` | object |  |  | Bare. |
`,
  )
  const [, row] = /^(\| `Left`.*)$/m.exec(renderSections([{ title: 'Inner one', schema: inner }])) ?? []
  assert.equal(row, '| `Left` | true or false | required |  | Side \\| way. |')
})
