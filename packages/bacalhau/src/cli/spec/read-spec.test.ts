import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { uploadFileSources } from './file-sources.ts'
import { parseSpec, readSpec } from './read-spec.ts'

let folder: string
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'spec-'))
})
after(() => rm(folder, { recursive: true }))

const MODERN = `Type: batch
Tasks:
  - Name: main
    Engine: {Type: noop}
    InputSources:
      - Source: {Type: FILE, Params: {path: ./data}}
        Target: /in
      - {Source: {Type: file, Params: {Path: data}}, Target: /again}
      - {Source: {Type: ipfs, Params: {CID: Qm}}, Target: /other}
`
const LEGACY = '{"Engine":"Docker","Docker":{"Image":"ubuntu"},"PublisherSpec":{"Type":"IPFS"}}'

const refused = (...messages: RegExp[]) => ({
  code: 'ValidationError',
  message: new RegExp(messages.map(({ source }) => source).join('[^]*')),
})

describe('reading', () => {
  test('a file; paths start from its folder', async () => {
    await mkdir(path.join(folder, 'specs'), { recursive: true })
    await writeFile(path.join(folder, 'specs/job.yaml'), MODERN)
    const loaded = await readSpec('specs/job.yaml', recordedIo({ cwd: folder }))
    assert.equal(loaded.folder, path.join(folder, 'specs'))
    assert.equal(loaded.spec.Tasks[0]?.InputSources[0]?.Source.Type, 'FILE')
  })

  test('standard input; a person is told how to end it', async () => {
    const io = recordedIo({ input: LEGACY, cwd: folder, inputIsTerminal: true })
    const loaded = await readSpec('-', io)
    assert.deepEqual([loaded.folder, loaded.spec.Tasks[0]?.Engine.Type], [folder, 'docker'])
    assert.equal(io.errText(), 'Reading from /dev/stdin; send Ctrl-d to stop.\n')
    const piped = recordedIo({ input: LEGACY, cwd: folder })
    await readSpec('-', piped)
    assert.equal(piped.errText(), '')
  })

  test('what is no file, or too large', async () => {
    const io = recordedIo({ cwd: folder })
    await assert.rejects(readSpec('nope.yaml', io), { code: 'NotFound', message: 'there is no file nope.yaml' })
    await assert.rejects(readSpec('.', io), { code: 'BadRequest', message: /is a folder/ })
    const large = recordedIo({ input: new Uint8Array(10 * 2 ** 20 + 1), cwd: folder })
    await assert.rejects(readSpec('-', large), { code: 'PayloadTooLarge' })
  })
})

describe('problems are named by line and field', () => {
  test('several at once', () => {
    const source = `Type: batch
Tasks:
  - Name: main
    Engine: {Type: noop}
    Resorces: {CPU: 1}
    Resources:
      CPU: lots
`
    assert.throws(
      () => parseSpec(source, 'job.yaml'),
      refused(
        /^job\.yaml is no valid job:/,
        /line 5: Tasks\[0\]: unknown field 'Resorces'/,
        /line 7: Tasks\[0\]\.Resources\.CPU/,
      ),
    )
  })

  test('one line of JSON needs no number', () => {
    assert.throws(
      () => parseSpec('{"Type":"batch","Tasks":[{}]}', 'x'),
      (error: Error) => !/line/.test(error.message),
    )
  })

  test('broken YAML', () => {
    assert.throws(() => parseSpec('Type: batch\nTasks: [\n', 'job.yaml'), refused(/^job\.yaml line \d: /))
  })

  test('nothing, or too much', () => {
    for (const empty of ['', '# nothing\n', '---\n'])
      assert.throws(() => parseSpec(empty, 'x'), refused(/^x is empty$/))
    assert.throws(() => parseSpec(`${MODERN}---\n${MODERN}`, 'x'), refused(/more than one job/))
    assert.throws(() => parseSpec('just text', 'x'), { code: 'ValidationError' })
  })

  test('aliases that multiply', () => {
    const level = (name: string, before: string) => `${name}: &${name} [${`*${before},`.repeat(9)}*${before}]`
    const levels = ['b', 'c', 'd', 'e', 'f', 'g'].map((name, index) => level(name, 'abcdef'.charAt(index)))
    const bomb = `a: &a [${'x,'.repeat(9)}x]\n${levels.join('\n')}\n`
    assert.throws(() => parseSpec(bomb, 'x'), refused(/cannot be read/))
  })

  test('any text is a job or a ValidationError', () => {
    const fragment = fc.oneof(
      fc.constantFrom(
        'Type: batch',
        'Tasks:',
        '- ',
        '\n',
        '  ',
        'Engine',
        ': ',
        '{',
        '}',
        '[',
        ']',
        '*a',
        '&a',
        '!!set',
        '---',
      ),
      fc.string({ maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (parts) => {
        try {
          parseSpec(parts.join(''), 'x')
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'ValidationError', String(error))
        }
      }),
    )
  })
})

describe('local files', () => {
  const spec = () => parseSpec(MODERN, 'x').spec

  test('are uploaded once each and replaced by their CIDs', async () => {
    await mkdir(path.join(folder, 'data'), { recursive: true })
    const uploads: string[] = []
    const replaced = await uploadFileSources(spec(), folder, async (file) => {
      uploads.push(file)
      return 'QmNew'
    })
    assert.deepEqual(uploads, [path.join(folder, 'data')])
    assert.deepEqual(
      replaced.Tasks[0]?.InputSources.map(({ Source, Target }) => [Source, Target]),
      [
        [{ Type: 'ipfs', Params: { CID: 'QmNew' } }, '/in'],
        [{ Type: 'ipfs', Params: { CID: 'QmNew' } }, '/again'],
        [{ Type: 'ipfs', Params: { CID: 'Qm' } }, '/other'],
      ],
    )
  })

  test('are checked before anything is uploaded', async () => {
    const upload = () => assert.fail('nothing may be uploaded')
    const elsewhere = path.join(folder, 'elsewhere')
    await assert.rejects(uploadFileSources(spec(), elsewhere, upload), {
      code: 'InputFailed',
      message: `the input ${path.join(elsewhere, 'data')} does not exist`,
    })
    const pathless = parseSpec(MODERN.replace('{path: ./data}', '{paht: ./data}'), 'x').spec
    await assert.rejects(uploadFileSources(pathless, folder, upload), {
      code: 'ValidationError',
      message: 'the file source for /in has no Path',
    })
  })
})
