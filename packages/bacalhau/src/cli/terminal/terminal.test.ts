import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import type { Clock } from '../../runtime/clock.ts'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { terminalPicture } from '../fixtures/terminal-picture.ts'
import { createLiveArea } from './live-area.ts'
import { plainLine, plainText } from './plain.ts'
import { createProgress } from './progress.ts'
import { styleFor } from './style.ts'
import { formatFields, formatTable } from './table.ts'
import { formatAgo, formatMoment, formatSpan, fromNanoseconds } from './time.ts'
import { displayWidth, fitWidth, wrapWidth } from './width.ts'

/** Text as an attacker would write it. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom(
        '\u001b[2J',
        '\u001b]0;title\u0007',
        '\r',
        '\n',
        '\t',
        '\u0008',
        '\u009b31m',
        '\u202e',
        '\u2066',
        'é',
        '日本',
      ),
    ),
  )
  .map((parts) => parts.join(''))

// eslint-disable-next-line no-control-regex -- looking for control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

describe('plain', () => {
  test('one line keeps its words', () => {
    assert.equal(plainLine('a\tb\r\nc\n\nd'), 'a b c d')
    assert.equal(plainLine('\u001b[31mred\u001b[0m \u0007bell'), '[31mred[0m bell')
    assert.equal(plainLine('abc\u202edcba'), 'abcdcba')
    assert.equal(plainLine('Grüße, 日本 🙂'), 'Grüße, 日本 🙂')
  })

  test('several lines keep their line ends', () => {
    assert.equal(plainText('a\r\nb\n\u001b[1A\tc'), 'a\nb\n[1A    c')
  })

  test('nothing that controls a terminal comes through', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        assert.doesNotMatch(plainLine(text), CONTROL)
        assert.doesNotMatch(plainText(text).replaceAll('\n', ''), CONTROL)
        assert.equal(plainLine(plainLine(text)), plainLine(text))
      }),
    )
  })
})

describe('width', () => {
  test('of letters, wide letters, combined letters and colours', () => {
    assert.equal(displayWidth('abc'), 3)
    assert.equal(displayWidth('日本'), 4)
    assert.equal(displayWidth('e\u0301'), 1)
    assert.equal(displayWidth('🙂'), 2)
    assert.equal(displayWidth('👨‍👩‍👧'), 2)
    assert.equal(displayWidth('\u001b[31mred\u001b[39m'), 3)
    assert.equal(displayWidth('…'), 1)
  })

  test('what is cut fits, and begins like the whole', () => {
    assert.equal(fitWidth('abcdef', 6), 'abcdef')
    assert.equal(fitWidth('abcdef', 5), 'abcd…')
    assert.equal(fitWidth('日本語', 4), '日…')
    assert.equal(fitWidth('abc', 0), '')
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 40 }), (text, columns) => {
        const line = plainLine(text)
        const cut = fitWidth(line, columns)
        assert.ok(displayWidth(cut) <= columns)
        assert.ok(cut === line || line.startsWith(cut.slice(0, -1)))
      }),
    )
  })
})

describe('lines that are broken', () => {
  test('are broken between words, and cut at the end', () => {
    assert.deepEqual(wrapWidth('one two three four', 9, 9), ['one two', 'three', 'four'])
    assert.deepEqual(wrapWidth('one two three four', 9, 2), ['one two', 'three fo…'])
    assert.deepEqual(wrapWidth('short', 9, 1), ['short'])
    assert.deepEqual(wrapWidth('', 9, 3), [])
    assert.deepEqual(wrapWidth('abcdefghijkl', 5, 9), ['abcd', 'efgh', 'ijkl'])
  })

  test('fit, and lose nothing but blanks when there are enough of them', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 3, max: 40 }), fc.integer({ min: 1, max: 5 }), (text, columns, most) => {
        const line = plainLine(text)
        const lines = wrapWidth(line, columns, most)
        assert.ok(lines.length <= most)
        for (const one of lines) assert.ok(displayWidth(one) <= columns, one)
        const letters = (one: string) => one.replaceAll(' ', '')
        const whole = wrapWidth(line, columns, line.length + 1).join('')
        assert.equal(letters(whole), letters(line.trim()))
      }),
    )
  })
})

describe('table', () => {
  test('columns are aligned and lines have no blanks at the end', () => {
    const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' as const }, { title: 'STATE' }]
    assert.equal(
      formatTable(columns, [
        ['a', '1 kB', 'ok'],
        ['日本語', '12 MB', ''],
      ]),
      'NAME     SIZE  STATE\na        1 kB  ok\n日本語  12 MB\n',
    )
  })

  test('a table without rows is its header; missing cells are empty', () => {
    assert.equal(formatTable([{ title: 'A' }, { title: 'B' }], []), 'A  B\n')
    assert.equal(formatTable([{ title: 'A' }, { title: 'B' }], [['x']]), 'A  B\nx\n')
  })

  test('every cell begins at the same column on every line, whatever it holds', () => {
    const cell = hostile.map(plainLine)
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
        const width = Math.max(1, ...rows.map(([first]) => displayWidth(first)))
        const lines = formatTable([{ title: 'A' }, { title: 'B' }], rows)
          .split('\n')
          .slice(1, -1)
        assert.equal(lines.length, rows.length)
        for (const [index, [first, second]] of rows.entries()) {
          const padding = ' '.repeat(width - displayWidth(first) + 2)
          assert.equal(lines[index], `${first}${padding}${second}`.trimEnd())
        }
      }),
    )
  })

  test('colours do not count', () => {
    const style = styleFor(recordedIo({ terminal: 80 }).out, {})
    const lines = formatFields([
      [style.red('ab'), '1'],
      ['abc', '2'],
    ])
    assert.notEqual(lines, stripVTControlCharacters(lines))
    assert.equal(stripVTControlCharacters(lines), 'ab   1\nabc  2\n')
  })
})

describe('time', () => {
  test('spans in their two largest units', () => {
    const spans: readonly [number, string][] = [
      [-5, '0ms'],
      [0, '0ms'],
      [999, '999ms'],
      [1_000, '1s'],
      [4_250, '4.2s'],
      [59_999, '59s'],
      [60_000, '1m'],
      [200_000, '3m 20s'],
      [3_600_000, '1h'],
      [187_200_000, '2d 4h'],
      [86_460_000, '1d'],
    ]
    for (const [span, text] of spans) assert.equal(formatSpan(span), text)
  })

  test('moments', () => {
    assert.equal(formatAgo(1_000, 62_500), '1m 1s ago')
    assert.equal(formatAgo(5_000, 5_999), 'just now')
    assert.equal(formatAgo(9_000, 5_000), 'just now')
    assert.equal(formatMoment(fromNanoseconds(1_795_416_964e9)), '2026-11-23 06:56:04')
  })
})

describe('progress', () => {
  const plainStyle = styleFor(recordedIo().err, {})

  /** A clock whose timers fire when the test says so. */
  function manualClock() {
    const due: (() => void)[] = []
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after(_delay, action) {
        due.push(action)
        return { cancel: () => due.splice(0, due.length, ...due.filter((other) => other !== action)) }
      },
    }
    return { clock, due, tick: () => due.shift()?.() }
  }

  test('is one line per change where there is no terminal', async () => {
    const { err, errText } = recordedIo()
    const progress = createProgress(err, plainStyle, manualClock().clock)
    for (const text of ['queued', 'queued', 'running']) {
      await progress.update(text)
      await progress.detail(`${text} 50 %`)
    }
    await progress.clear()
    assert.equal(errText(), 'queued\nrunning\n')
  })

  test('is a moving line on a terminal, which goes away', async () => {
    const { err, errText } = recordedIo({ terminal: 20 })
    const { clock, due, tick } = manualClock()
    const progress = createProgress(err, plainStyle, clock)
    await err.write('before\n')
    await progress.detail('running on a node with a long name')
    const lines = ['running on a', '  node with a long', '  name']
    assert.deepEqual(terminalPicture(errText(), 20), ['before', `⠋ ${lines[0]}`, ...lines.slice(1)])
    tick()
    assert.deepEqual(terminalPicture(errText(), 20), ['before', `⠙ ${lines[0]}`, ...lines.slice(1)])
    assert.equal(due.length, 1)
    await progress.clear()
    assert.equal(due.length, 0)
    assert.deepEqual(terminalPicture(errText(), 20), ['before', ''])
    const before = errText()
    await progress.clear()
    assert.equal(errText(), before)
  })

  test('counts the seconds on a terminal, and fills the width that there is now', async () => {
    const { err, errText, resize } = recordedIo({ terminal: 40 })
    const { clock, tick } = manualClock()
    let seconds = 0
    const progress = createProgress(err, plainStyle, clock)
    await progress.update('running', (columns) => `running ${++seconds}s of ${columns} columns`)
    assert.deepEqual(terminalPicture(errText(), 40), ['⠋ running 1s of 37 columns'])
    resize(60)
    tick()
    assert.deepEqual(terminalPicture(errText(), 60), ['⠙ running 2s of 57 columns'])
  })
})

describe('an area that is drawn again and again', () => {
  test('covers what was there, also when it was longer', async () => {
    const { out, outText } = recordedIo({ terminal: 20 })
    const area = createLiveArea(out)
    await out.write('before\n')
    await area.draw(['one', 'two', 'three'])
    await area.draw(['four'])
    assert.deepEqual(terminalPicture(outText(), 20), ['before', 'four'])
    await area.draw(['five', 'six'])
    await area.clear()
    await out.write('after')
    assert.deepEqual(terminalPicture(outText(), 20), ['before', 'after'])
  })

  test('finds its beginning when the terminal has become narrower and broken its lines', async () => {
    const { out, outText, resize } = recordedIo({ terminal: 20 })
    const area = createLiveArea(out)
    await area.draw(['a line of 19 columns', 'short'])
    resize(8)
    await area.draw(['new'])
    // Three rows of the first line and one of the second: three up from the last.
    assert.ok(outText().endsWith('\r\u001b[3A\u001b[0Jnew'), JSON.stringify(outText()))
  })
})
