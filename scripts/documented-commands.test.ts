import assert from 'node:assert/strict'
import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { recordedIo } from '../packages/bacalhau/src/cli/fixtures/recorded-io.ts'
import { runProgram } from '../packages/bacalhau/src/cli/program.ts'
import { pagesOf } from './links.ts'

const root = path.join(import.meta.dirname, '..')

/** What a reader types, in order: the words of each line in blocks of shell, and commands in running text. */
function commandsOf(text: string): string[][] {
  const fenced = [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)
  const indented = [...text.matchAll(/^ {4}((?:npx|curl) (?:\\\n|.)*)/gm)].map(([, block = '']) => block)
  const blocks = [...fenced, ...indented].flatMap((block) =>
    block
      .replaceAll('\\\n', '')
      .split('\n')
      .map((line) => line.replace(/(?:^| +)# .*$/, '')),
  )
  const inline = [...text.replaceAll(/^```.*?^```/gms, '').matchAll(/`((?:npx |npm |bacalhau )[^`]+)`/g)]
  return [...blocks, ...inline.map(([, line = '']) => line)].filter((line) => line.trim() !== '').map(wordsOf)
}

/** Words as a shell splits them, as far as the documentation goes; `<a thing>` is one word. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'[^']*'|"[^"]*"|(?:<[^>]*>|[^\s'"])+/g)].map(([word]) => word.replaceAll(/^['"]|['"]$/g, ''))

test('commands are found in blocks of shell and in text', () => {
  const text =
    'Type `npm test`, not `ls`.\n    npx g \\\n      h\n```sh\n# First\na "b c" <the d> \\\n  e   # why\n\nf\n```\n```text\ng\n```\n'
  assert.deepEqual(commandsOf(text), [['a', 'b c', '<the d>', 'e'], ['f'], ['npx', 'g', 'h'], ['npm', 'test']])
})

for (const page of await pagesOf(root)) {
  const commands = commandsOf(await readFile(path.join(root, page), 'utf8'))
  if (commands.length === 0) continue

  describe(page, () => {
    test('shows commands of the program that it takes', async () => {
      for (const words of commands) {
        const at = words.findIndex((word) => /^(?:\w+=\$\()?bacalhau$/.test(word))
        const line = words.slice(at + 1).filter((word) => word !== '<command>')
        if (at === -1) continue
        const end = line.findIndex((word) => /^(?:\||\d?>)/.test(word))
        const io = recordedIo()
        // Help comes before anything is done, but after every flag is looked at.
        await runProgram(['--help', ...line.slice(0, end === -1 ? undefined : end)], io, new AbortController().signal)
        assert.equal(io.errText(), '', words.join(' '))
      }
    })

    test('shows scripts of the checkout that exist', async () => {
      const { scripts } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')) as { scripts: object }
      for (const [program, verb = '', name = ''] of commands) {
        if (program !== 'npm') continue
        if (verb === 'run') assert.ok(name in scripts, name)
        else assert.ok(['ci', 'test', 'install'].includes(verb), verb)
      }
    })

    test('names files of the examples that exist', async () => {
      const files = commands.flat().flatMap((word) => /^@?(?:\.\/)?(examples\/[\w./-]+)/.exec(word)?.[1] ?? [])
      for (const file of files) await stat(path.join(root, file))
    })
  })
}
