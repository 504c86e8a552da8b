import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { isLegacySpec, parseLegacySpec, parseSubmission } from '@bacalhau/models'
import { parse } from 'yaml'
import { z } from 'zod'
import { COMMANDS } from '../packages/bacalhau/src/cli/catalogue.ts'
import { SETTING_NAMES, SETTINGS } from '../packages/bacalhau/src/node/config-settings.ts'
import { loadConfig } from '../packages/bacalhau/src/node/config.ts'
import { renderSections } from './reference/field-table.ts'
import { prose } from './reference/markdown.ts'
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

  test('show jobs that are accepted', () => {
    const specs = [...pages].filter(([file]) => file.endsWith('job-spec.md')).map(([, text]) => text)
    const jobs = specs.flatMap(examplesOf).map((text) => parse(text) as object)
    assert.equal(jobs.length, 2)
    for (const job of jobs)
      assert.ok((isLegacySpec(job) ? parseLegacySpec(job) : parseSubmission(job)).ok, JSON.stringify(job))
  })

  test('show a configuration that is accepted', async (context) => {
    const folder = await mkdtemp(path.join(tmpdir(), 'docs-'))
    context.after(() => rm(folder, { recursive: true }))
    const [example = ''] = examplesOf(pages.get('docs/reference/config.md') ?? '')
    await writeFile(path.join(folder, 'config.yaml'), example)
    const { origins } = await loadConfig({ env: { BACALHAU_PATH: folder }, home: folder, cwd: folder, flags: {} })
    assert.equal(Object.values(origins).filter((origin) => origin.includes('config.yaml line')).length, 5)
  })

  test('describe every command, flag and setting', () => {
    const cli = pages.get('docs/reference/cli.md') ?? ''
    for (const { name, flags } of COMMANDS) {
      const [, section = ''] = cli.split(`\n### ${name}\n`)
      const [own = ''] = section.split(/\n##/)
      for (const flag of Object.keys(flags))
        assert.match(own, new RegExp(`^\\| \`--${flag}\``, 'm'), `${name} --${flag}`)
    }
    const config = pages.get('docs/reference/config.md') ?? ''
    for (const name of SETTING_NAMES) assert.match(config, new RegExp(`^\\| \`${SETTINGS[name].key}\` `, 'm'))
  })
})

const examplesOf = (text: string) =>
  [...text.matchAll(/^```(?:yaml|json)\n(.*?)^```/gms)].map(([, example = '']) => example)

test('text of a help screen becomes Markdown', () => {
  assert.equal(prose('Of <a> and `<b>`:\n  x: <c>\nEnd.'), 'Of \\<a> and `<b>`:\n\n```text\nx: <c>\n```\n\nEnd.')
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
