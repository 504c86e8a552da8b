import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { openBench, openSandbox } from './run-module.ts'

const executor = openSandbox()
after(() => executor.stop())

describe('bad arguments end with exit code 2 and a usage line', () => {
  const cases: [name: string, args: string[]][] = [
    ['hello', ['a', 'b']],
    ['word-count', ['--top']],
    ['word-count', ['--top', 'five']],
    ['word-count', ['--top', '-1']],
    ['word-count', ['--bottom', '5']],
    ['word-count', ['/inputs', '/inputs']],
    ['csv-transform', []],
    ['csv-transform', ['--sum', 'price']],
    ['csv-transform', ['/inputs/a.csv', '--sum']],
    ['csv-transform', ['/inputs/a.csv', '--sum', 'a', '--sum', 'b']],
    ['csv-transform', ['/inputs/a.csv', '--where', 'city']],
    ['csv-transform', ['/inputs/a.csv', '--where', '=Porto']],
    ['csv-transform', ['/inputs/a.csv', '--select', 'a,,b']],
    ['csv-transform', ['/inputs/a.csv', '--order', 'a']],
    ['image-edges', []],
    ['image-edges', ['/inputs/a.ppm', '--thumbnail']],
    ['image-edges', ['/inputs/a.ppm', '--thumbnail', '0']],
    ['image-edges', ['/inputs/a.ppm', '--large', '5']],
    ['mandelbrot', ['100', '100']],
    ['mandelbrot', ['100', '0', '10']],
    ['mandelbrot', ['100', '32769', '10']],
    ['mandelbrot', ['1e2', '100', '10']],
    ['mandelbrot', ['100', '100', '99999999999999999999']],
    ['n-body', ['10']],
    ['n-body', ['1', '10']],
    ['n-body', ['10', ' 10']],
    ['n-body', ['10', '10', '1', '1']],
  ]
  for (const [name, args] of cases) {
    test([name, ...args].join(' '), async () => {
      await using bench = await openBench(executor)
      const end = await bench.runExample(name, args)
      assert.equal(end.exitCode, 2)
      assert.match(end.stderr, new RegExp(`^Usage: ${name}.*\\n$`))
      assert.equal(end.stdout, '')
    })
  }
})

describe('what cannot be done ends with exit code 1 and the reason', () => {
  const ppm = ['/inputs/data']
  const csv = (...args: string[]) => ['/inputs/data', ...args]
  const cases: [title: string, name: string, args: string[], data: string | Uint8Array, reason: RegExp][] = [
    ['no such file', 'hello', ['/inputs/nobody'], '', /cannot read \/inputs\/nobody: No such file/],
    ['no such folder', 'word-count', ['/elsewhere'], '', /cannot list \/elsewhere: /],
    ['an empty table', 'csv-transform', csv(), '', /is empty/],
    ['no such column', 'csv-transform', csv('--select', 'b'), 'a\n1\n', /has no column 'b'/],
    ['a missing field', 'csv-transform', csv(), 'a,b\n1,2\n3\n', /line 3: 1 fields where the header has 2/],
    ['text after a quote', 'csv-transform', csv(), 'a\n"x"y\n', /line 2: text after a closing quote/],
    ['a quote in a field', 'csv-transform', csv(), 'a\nx"y"\n', /line 2: a quote inside an unquoted field/],
    ['a quote that stays open', 'csv-transform', csv(), 'a\n"x\ny\n', /line 2: a quoted field does not end/],
    ['a zero byte', 'csv-transform', csv(), 'a\nx\0y\n', /line 2: a zero byte/],
    ['too many columns', 'csv-transform', csv(), `${','.repeat(256)}\n`, /line 1: more than 256 columns/],
    ['a sum of text', 'csv-transform', csv('--sum', 'a'), 'a\nten\n', /'ten' is not a number/],
    ['a sum of infinity', 'csv-transform', csv('--sum', 'a'), 'a\ninf\n', /'inf' is not a number/],
    ['a sum beyond all bounds', 'csv-transform', csv('--sum', 'a'), 'a\n1e999\n', /'1e999' is not a number/],
    ['not a picture', 'image-edges', ppm, 'GIF89a', /is neither a binary PPM/],
    ['an empty picture', 'image-edges', ppm, 'P6\n0 5\n255\n', /the width has to be a number from 1 to 16384/],
    ['a huge picture', 'image-edges', ppm, 'P6\n5 99999999999\n255\n', /the height has to be a number from 1 to 16384/],
    ['a broken header', 'image-edges', ppm, 'P6\n5', /the width has to be a number/],
    ['16-bit samples', 'image-edges', ppm, 'P6\n1 1\n65535\n', /the maximum has to be/],
    ['a picture cut short', 'image-edges', ppm, 'P5\n2 2\n255\nabc', /is cut short: 3 of 4 bytes/],
    ['a picture beyond the memory', 'image-edges', ppm, 'P6\n16384 16384\n255\n', /out of memory/],
  ]
  for (const [title, name, args, data, reason] of cases) {
    test(`${name}: ${title}`, async () => {
      await using bench = await openBench(executor)
      await writeFile(path.join(bench.scratch, 'data'), data)
      const end = await bench.runExample(name, args)
      assert.equal(end.exitCode, 1)
      assert.match(end.stderr, /^Error: .*\n$/)
      assert.match(end.stderr, reason)
    })
  }

  test('mandelbrot: a partition that cannot be', async () => {
    await using bench = await openBench(executor)
    const end = await bench.runExample('mandelbrot', ['8', '8', '8'], {
      BACALHAU_PARTITION_INDEX: '4',
      BACALHAU_PARTITION_COUNT: '4',
    })
    assert.equal(end.exitCode, 1)
    assert.match(end.stderr, /^Error: BACALHAU_PARTITION_INDEX has to be a number from 0 to 3, not '4'\n$/)
  })
})
