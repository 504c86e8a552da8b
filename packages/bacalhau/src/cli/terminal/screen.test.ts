import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { recordedIo } from '../fixtures/recorded-io.ts'
import { terminalPicture } from '../fixtures/terminal-picture.ts'
import { type Cell, formatGrid, type GridColumn } from './grid.ts'
import { type Picture, showScreen } from './screen.ts'
import { styleFor } from './style.ts'
import { displayWidth } from './width.ts'

const plain = styleFor(recordedIo().out, {})
const { signal } = new AbortController()

describe('a screen', () => {
  /** A picture that shows its number and size. */
  const counting = () => {
    let count = 0
    return async (): Promise<Picture> => {
      count += 1
      const number = count
      return (columns, rows) => [`picture ${number}`, `${columns} x ${rows}`, 'x'.repeat(Math.min(columns, 200))]
    }
  }
  /** What is on the other screen, while it is there. */
  const shown = (text: string, columns: number, rows: number) => terminalPicture(text, columns, rows)

  test('is the whole terminal, and gives it back as it was when q is typed', async () => {
    const io = recordedIo({ terminal: 20, rows: 5, inputIsTerminal: true })
    await io.out.write('before\n')
    const pause = async () => {
      assert.deepEqual(shown(io.outText(), 20, 5), ['picture 1', '20 x 5', 'x'.repeat(20)])
      io.press('j')
      io.press('\u001b[A')
      io.press('q')
    }
    await showScreen({ io, interval: 1, load: counting(), signal, pause })
    assert.deepEqual(terminalPicture(io.outText(), 20, 5), ['before', ''])
    assert.ok(io.outText().endsWith('\u001b[?25h\u001b[?1049l'))
    const after = io.outText()
    io.press('q')
    io.resize(30)
    assert.equal(io.outText(), after, 'it still listens')
  })

  test('shows the next picture over the last one, and fits it to the size of the moment', async () => {
    const io = recordedIo({ terminal: 20, rows: 5, inputIsTerminal: true })
    let pauses = 0
    const pause = async () => {
      pauses += 1
      if (pauses === 1) {
        io.resize(12, 2)
        assert.deepEqual(shown(io.outText(), 12, 2).slice(0, 2), ['picture 1', '12 x 2'])
      } else assert.deepEqual(shown(io.outText(), 12, 2).slice(0, 2), ['picture 2', '12 x 2'])
    }
    await showScreen({ io, interval: 1, frames: 3, load: counting(), signal, pause })
    assert.equal(pauses, 2)
  })

  for (const [what, key] of [
    ['Ctrl-C', '\u0003'],
    ['Escape', '\u001b'],
  ] as const) {
    test(`ends by ${what}, also while it waits for the node`, async () => {
      const io = recordedIo({ terminal: 20, inputIsTerminal: true })
      const load = (stop: AbortSignal) =>
        new Promise<Picture>((_, reject) => {
          stop.addEventListener('abort', () => reject(new Error('aborted')))
          io.press(key)
        })
      await showScreen({ io, interval: 1, load, signal })
      assert.deepEqual(terminalPicture(io.outText(), 20), [''])
    })
  }

  test('gives the terminal back before an error is told', async () => {
    const io = recordedIo({ terminal: 20, inputIsTerminal: true })
    const load = () => Promise.reject(new Error('no such node'))
    await assert.rejects(showScreen({ io, interval: 1, load, signal }), /no such node/)
    assert.ok(io.outText().endsWith('\u001b[?1049l'))
  })

  test('is text, picture below picture, where there is no terminal', async () => {
    const io = recordedIo()
    await showScreen({ io, interval: 1, frames: 2, load: counting(), signal, pause: async () => {} })
    assert.ok(!io.outText().includes('\u001b'))
    assert.deepEqual(
      io
        .outText()
        .split('\n')
        .filter((line) => !line.startsWith('x') && !line.includes(' x ')),
      ['picture 1', '', 'picture 2', ''],
    )
  })
})

describe('a grid', () => {
  const layout: readonly GridColumn[] = [
    { title: 'ID' },
    { title: 'NAME', drop: 1 },
    { title: 'SIZE', align: 'right', drop: 2 },
    { title: 'WHY', rest: true },
  ]
  const rows = [
    [{ text: 'a1' }, { text: 'first' }, { text: '5' }, { text: 'no node has enough memory' }],
    [{ text: 'b2' }, { text: '' }, { text: '12345' }, { text: '' }],
  ]

  test('has all columns where there is room', () => {
    assert.deepEqual(formatGrid(layout, rows, 60, plain), [
      'ID  NAME    SIZE  WHY',
      'a1  first      5  no node has enough memory',
      'b2         12345',
    ])
  })

  test('cuts the last one first, then leaves out what matters least', () => {
    assert.deepEqual(formatGrid(layout, rows, 34, plain)[1], 'a1  first      5  no node has eno…')
    assert.deepEqual(formatGrid(layout, rows, 33, plain)[1], 'a1  first  no node has enough me…')
    assert.deepEqual(formatGrid(layout, rows, 26, plain)[1], 'a1  no node has enough me…')
    assert.deepEqual(formatGrid(layout, rows, 12, plain)[1], 'a1  no node…')
  })

  test('is never wider than the terminal while what must stay fits', () => {
    const cell = fc.record({ text: fc.string({ maxLength: 30, unit: 'grapheme' }) }).map(({ text }): Cell => ({
      text: text.replaceAll(/\p{C}/gu, ''),
      paint: (part) => `\u001b[31m${part}\u001b[39m`,
    }))
    const line = fc.tuple(fc.constant({ text: 'id' }), cell, cell, cell)
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 8, max: 120 }), (lines, columns) => {
        for (const text of formatGrid(layout, lines, columns, plain)) {
          assert.ok(displayWidth(stripVTControlCharacters(text)) <= columns)
        }
      }),
    )
  })
})
