import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { list, oneOf, pairs, text, toggle, whole } from './flag.ts'
import { parseLine, readFlags, splitWords } from './parse-flags.ts'

const flags = {
  wait: toggle({ help: '', standard: true }),
  follow: toggle({ help: '', short: 'f' }),
  name: text({ help: '', placeholder: 'NAME', aliases: ['title'] }),
  count: whole({ help: '', placeholder: 'N', min: -5, max: 10 }),
  input: list({ help: '', placeholder: 'SOURCE', short: 'i' }),
  output: oneOf(['table', 'json'], { help: '' }),
  labels: pairs({ help: '', placeholder: 'NAME=VALUE', short: 'l' }),
}

const parse = async (...argv: string[]) => {
  const line = await parseLine(argv, flags)
  return { args: line.args, ...readFlags(flags, line) }
}

const refused = (message: RegExp, hint?: RegExp) => (error: Error & { code?: string; hint?: string }) => {
  assert.equal(error.code, 'InvalidFlag')
  assert.match(error.message, message)
  if (hint !== undefined) assert.match(error.hint ?? '', hint)
  return true
}

describe('flags', () => {
  test('absent ones have their standard values', async () => {
    const { args, ...values } = await parse()
    assert.deepEqual(args, [])
    assert.deepEqual(values, {
      wait: true,
      follow: false,
      name: undefined,
      count: undefined,
      input: [],
      output: undefined,
      labels: {},
    })
  })

  test('values follow with a blank or an equals sign; short ones may be joined', async () => {
    assert.equal((await parse('--name', 'x')).name, 'x')
    assert.equal((await parse('--name=x=y')).name, 'x=y')
    assert.equal((await parse('--name=')).name, '')
    assert.deepEqual((await parse('-i', 'a', '-ib', '-fi', 'c')).input, ['a', 'b', 'c'])
    assert.equal((await parse('-fi', 'c')).follow, true)
    assert.equal((await parse('--title', 'x')).name, 'x')
  })

  test('they mix with arguments, until -- ends them', async () => {
    const parsed = await parse('a', '--follow', 'b', '-', '--', '--name', '-i')
    assert.deepEqual(parsed.args, ['a', 'b', '-', '--name', '-i'])
    assert.deepEqual([parsed.follow, parsed.name], [true, undefined])
  })

  test('switches take true and false after an equals sign only', async () => {
    assert.equal((await parse('--wait=false')).wait, false)
    assert.equal((await parse('--follow=TRUE')).follow, true)
    assert.deepEqual((await parse('--follow', 'false')).args, ['false'])
    await assert.rejects(parse('--wait=maybe'), refused(/^--wait: 'maybe' is neither true nor false$/))
  })

  test('the last one counts, but lists and pairs gather', async () => {
    assert.equal((await parse('--name', 'a', '--name', 'b')).name, 'b')
    assert.deepEqual((await parse('-l', 'a=1', '-l', 'b=2=3', '-l', 'a=4')).labels, { a: '4', b: '2=3' })
  })

  test('pairs may be joined by commas; a comma before anything else belongs to the value', async () => {
    assert.deepEqual((await parse('-l', 'a=1,b=x,y', '-l', 'c=')).labels, { a: '1', b: 'x,y', c: '' })
  })

  test('numbers keep to their bounds', async () => {
    assert.equal((await parse('--count', '-5')).count, -5)
    for (const wrong of ['11', '-6', '1.5', '', 'many', '1e1']) {
      await assert.rejects(parse(`--count=${wrong}`), refused(/is no whole number from -5 to 10$/))
    }
  })

  test('words match whatever their case', async () => {
    assert.equal((await parse('--output', 'JSON')).output, 'json')
    await assert.rejects(parse('--output', 'xml'), refused(/^--output: 'xml' is none of table, json$/))
    await assert.rejects(parse('-l', 'a'), refused(/^--labels: 'a' is not of the form NAME=VALUE$/))
    await assert.rejects(parse('-l', '=a'), refused(/not of the form/))
  })
})

describe('mistakes', () => {
  test('an unknown flag is named with the one that was meant', async () => {
    await assert.rejects(parse('--folow'), refused(/^unknown flag --folow$/, /^Did you mean --follow\?$/))
    await assert.rejects(parse('--titel=x'), refused(/^unknown flag --titel$/, /--title/))
    await assert.rejects(parse('--qqqqqqqq'), refused(/^unknown flag --qqqqqqqq$/, /--help/))
    await assert.rejects(parse('-z'), refused(/^unknown flag -z$/))
    await assert.rejects(parse('--no-wait'), refused(/^unknown flag --no-wait$/))
  })

  test('a missing value is told with what is missing', async () => {
    await assert.rejects(parse('--name'), refused(/^--name: a value is missing: --name NAME$/))
    await assert.rejects(parse('-i'), refused(/^--input: a value is missing/))
  })

  test('names of Object.prototype are no flags', async () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      await assert.rejects(parse(`--${name}`), refused(/^unknown flag/))
    }
  })
})

describe('properties', () => {
  const word = fc.string({ minLength: 1 }).filter((text) => !text.startsWith('-'))

  test('whatever the texts, they come out as they went in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string()), fc.array(word), fc.array(fc.string()), async (inputs, args, rest) => {
        const argv = [...inputs.map((input) => `--input=${input}`), ...args, '--', ...rest]
        const parsed = await parse(...argv)
        assert.deepEqual(parsed.input, inputs)
        assert.deepEqual(parsed.args, [...args, ...rest])
      }),
    )
  })

  test('any line is read or refused with InvalidFlag', async () => {
    const fragment = fc.oneof(
      fc.constantFrom('--', '-', '--name', '-i', '--wait=', '-l', '--count=3', '-fil'),
      fc.string(),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fragment), async (argv) => {
        await parse(...argv).catch((error: Error & { code?: string }) => assert.equal(error.code, 'InvalidFlag'))
      }),
    )
  })
})

describe('words of a line', () => {
  test('flags with their values are passed over, and the taken words are left out of the rest', () => {
    const { words, rest } = splitWords(['--name', 'x', 'job', '-f', 'list', '--', 'y'], flags)
    assert.deepEqual(words, ['job', 'list', 'y'])
    assert.deepEqual(rest(2), ['--name', 'x', '-f', '--', 'y'])
    assert.deepEqual(rest(0), ['--name', 'x', 'job', '-f', 'list', '--', 'y'])
  })
})
