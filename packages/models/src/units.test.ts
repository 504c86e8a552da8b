import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatBytes, parseBytes, parseCount, parseCpu } from './units.ts'

const table = (parse: (text: string) => number | undefined, cases: Record<string, number | undefined>) => {
  for (const [text, expected] of Object.entries(cases)) assert.equal(parse(text), expected, `'${text}'`)
}

describe('parseBytes', () => {
  test('reads decimal and binary units in any case', () => {
    table(parseBytes, {
      '0': 0,
      '1024': 1024,
      '7b': 7,
      '1k': 1_000,
      '1KB': 1_000,
      '1Ki': 1_024,
      '1KiB': 1_024,
      '512Mb': 512_000_000,
      '512Mi': 536_870_912,
      '1.5 GiB': 1_610_612_736,
      '.5gb': 500_000_000,
      '2tb': 2e12,
      '2ti': 2 * 1024 ** 4,
      '3PiB': 3 * 1024 ** 5,
      ' 10 GB ': 1e10,
    })
  })

  test('a decimal fraction is not cut short by binary rounding', () => {
    table(parseBytes, { '2.01kb': 2_010, '4.1mb': 4_100_000, '8.2gb': 8_200_000_000, '8.7tb': 8.7e12 })
  })

  test('refuses what is no size', () => {
    const refused = [
      '',
      ' ',
      'mb',
      '-1',
      '+1',
      '1e3',
      '1..5',
      '1.',
      '1 2',
      '1xb',
      '0x10',
      'NaN',
      'Infinity',
      '1,000',
      '٣mb',
    ]
    for (const text of [...refused, '1constructor', '1__proto__', '1tostring']) {
      assert.equal(parseBytes(text), undefined, `'${text}'`)
    }
  })

  test('refuses more bytes than a number holds exactly', () => {
    assert.equal(parseBytes(String(Number.MAX_SAFE_INTEGER + 1)), undefined)
    assert.equal(parseBytes('9007pb'), 9_007e15 <= Number.MAX_SAFE_INTEGER ? 9_007e15 : undefined)
    assert.equal(parseBytes('10000pb'), undefined)
  })

  test('any text gives a whole, safe, non-negative number or nothing', () => {
    fc.assert(
      fc.property(quantityLike, (text) => {
        const bytes = parseBytes(text)
        assert.ok(bytes === undefined || (Number.isSafeInteger(bytes) && bytes >= 0), `${bytes}`)
      }),
    )
  })

  test('plain numbers mean themselves', () => {
    fc.assert(
      fc.property(fc.nat(), (bytes) => {
        assert.equal(parseBytes(String(bytes)), bytes)
        assert.equal(parseBytes(`${bytes} kB`), bytes * 1_000)
        assert.equal(parseBytes(`${bytes}KiB`), bytes * 1_024)
      }),
    )
  })
})

describe('parseCpu', () => {
  test('reads cores and thousandths', () => {
    table(parseCpu, { '0': 0, '500m': 0.5, '0.5': 0.5, '2': 2, '100m': 0.1, '1.001': 1.001, '1k': 1_000, ' 2 ': 2 })
  })

  test('a share too small to count is the smallest share, not none', () => {
    table(parseCpu, { '0.0001': 0.001, '0.4m': 0.001, '0m': 0, '0.0': 0 })
  })

  test('refuses other units', () =>
    table(parseCpu, { '': undefined, '1gb': undefined, '-1': undefined, '1u': undefined }))

  test('thousandths go through unharmed', () => {
    fc.assert(fc.property(fc.nat(10_000_000), (milli) => assert.equal(parseCpu(`${milli}m`), milli / 1_000)))
  })

  test('any text gives a multiple of a thousandth or nothing', () => {
    fc.assert(
      fc.property(quantityLike, (text) => {
        const cores = parseCpu(text)
        assert.ok(cores === undefined || (cores >= 0 && Math.round(cores * 1_000) / 1_000 === cores), `${cores}`)
      }),
    )
  })
})

test('parseCount takes whole numbers only', () => {
  table(parseCount, { '0': 0, '1': 1, ' 8 ': 8, '999999': 999_999 })
  table(parseCount, { '': undefined, '1.0': undefined, '-1': undefined, '1000000': undefined, one: undefined })
})

describe('formatBytes', () => {
  test('shows at most one digit after the point', () => {
    const shown = [0, 1, 999, 1_000, 1_500, 999_949, 999_950, 512_000_000, 1_610_612_736, 1e15, 1e18].map(formatBytes)
    const expected = [
      '0 B',
      '1 B',
      '999 B',
      '1 kB',
      '1.5 kB',
      '999.9 kB',
      '1 MB',
      '512 MB',
      '1.6 GB',
      '1 PB',
      '1000 PB',
    ]
    assert.deepEqual(shown, expected)
  })

  test('is read back to within five per cent', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (bytes) => {
        const back = parseBytes(formatBytes(bytes))
        assert.ok(back !== undefined && Math.abs(back - bytes) <= bytes * 0.05, `${formatBytes(bytes)} ${back}`)
      }),
    )
  })

  test('grows with its argument: what is shown as larger is larger', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((bytes) => parseBytes(formatBytes(bytes)) ?? NaN)
        assert.ok((less ?? NaN) <= (more ?? NaN))
      }),
    )
  })
})

/** Random text, and text that nearly is a quantity. */
const quantityLike = fc.oneof(
  fc.string(),
  fc.stringMatching(/^[\d.]{0,20} ?[a-zA-Z]{0,4}$/),
  fc.tuple(fc.double(), fc.constantFrom('', 'm', 'k', 'mb', 'GiB', 'p')).map(([value, unit]) => `${value}${unit}`),
)
