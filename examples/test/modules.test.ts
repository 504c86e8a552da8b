import assert from 'node:assert/strict'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { type Bench, EXAMPLES, openBench, openSandbox } from './run-module.ts'

const executor = openSandbox()
after(() => executor.stop())

const input = (bench: Bench, name: string, content: string | Uint8Array) =>
  writeFile(path.join(bench.scratch, name), content)
const result = (bench: Bench, name: string) => readFile(path.join(bench.outputs, name), 'utf8')
const resultBytes = (bench: Bench, name: string) => readFile(path.join(bench.outputs, name))

/** A binary PPM or PGM. */
const picture = (header: string, samples: readonly number[]) =>
  Buffer.concat([Buffer.from(header), Uint8Array.from(samples)])

describe('hello', () => {
  test('greets long lines, lines that end in CR LF and a last line without an end', async () => {
    await using bench = await openBench(executor)
    const long = 'x'.repeat(5000)
    await input(bench, 'name.txt', `${long}\r\n\n\nZoë`)
    assert.equal(await bench.succeed('hello', []), `Hello, ${long}!\nHello, Zoë!\n`)
    assert.equal(await result(bench, 'greeting.txt'), `Hello, ${long}!\nHello, Zoë!\n`)
  })
})

describe('word-count', () => {
  const counts = async (content: string | Uint8Array) => {
    await using bench = await openBench(executor)
    await input(bench, 'a.txt', content)
    await bench.succeed('word-count', [])
    return result(bench, 'counts.csv')
  }

  test('folds case and keeps letters of every script', async () => {
    assert.equal(await counts('NÃO não Ωμέγα ωΜΈΓΑ, 魚 魚—x2'), 'word,count\nnão,2\nωμέγα,2\n魚,2\nx2,1\n')
  })

  test('keeps apostrophes inside words only, and takes the curly ones for straight ones', async () => {
    assert.equal(await counts(`'don't' don\u2019t o''clock rock'`), "word,count\ndon't,2\nclock,1\no,1\nrock,1\n")
  })

  test('goes on after bytes that are not UTF-8', async () => {
    const broken = Buffer.concat([
      Buffer.from('a'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('b c'),
      Buffer.from([0xe2, 0x82]),
    ])
    assert.equal(await counts(broken), 'word,count\na,1\nb,1\nc,1\n')
  })

  test('cuts what is longer than any word, without losing a letter', async () => {
    const lines = (await counts('y'.repeat(1000))).trim().split('\n').slice(1)
    assert.deepEqual(lines, [`${'y'.repeat(256)},3`, `${'y'.repeat(232)},1`])
  })

  test('counts many different words', async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `w${index}`)
    const lines = (await counts([...words, ...words].join('\n'))).trimEnd().split('\n')
    assert.deepEqual(
      lines.slice(1),
      words.toSorted().map((word) => `${word},2`),
    )
  })

  test('of nothing writes empty results', async () => {
    await using bench = await openBench(executor)
    assert.equal(await bench.succeed('word-count', []), '0 files, 0 words, 0 different\n')
    assert.equal(await result(bench, 'counts.csv'), 'word,count\n')
  })

  test('reads the folder it is given and leaves links alone', async () => {
    await using bench = await openBench(executor)
    await mkdir(path.join(bench.scratch, 'texts/deep'), { recursive: true })
    await input(bench, 'outside.txt', 'not counted')
    await input(bench, 'texts/deep/a.txt', 'counted')
    await symlink('../outside.txt', path.join(bench.scratch, 'texts/link.txt'))
    await symlink('..', path.join(bench.scratch, 'texts/loop'))
    const stdout = await bench.succeed('word-count', ['--top', '0', '/inputs/texts'])
    assert.equal(stdout, '[1/1] deep/a.txt: 1 words\n1 files, 1 words, 1 different\n')
  })
})

describe('csv-transform', () => {
  const transform = async (data: string, ...args: string[]) => {
    await using bench = await openBench(executor)
    await input(bench, 'data.csv', data)
    const stdout = await bench.succeed('csv-transform', ['/inputs/data.csv', ...args])
    return { stdout, csv: await result(bench, 'result.csv') }
  }

  test('without options keeps every field and normalises quotes and line ends', async () => {
    const { csv, stdout } = await transform('\uFEFF"a","b"\r\n1,"x, y"\r\n\r\n"say ""hi""","two\r\nlines"')
    assert.equal(csv, 'a,b\n1,"x, y"\n"say ""hi""","two\nlines"\n')
    assert.equal(stdout, '2 rows read, 2 kept\n')
  })

  test('reads its own output', async () => {
    const orders = await readFile(path.join(EXAMPLES, 'csv-transform/inputs/orders.csv'), 'utf8')
    assert.equal((await transform(orders)).csv, orders)
  })

  test('an empty line is no record, an empty field is one', async () => {
    assert.equal((await transform('a\n\n""\n\n\nx\n')).csv, 'a\n""\nx\n')
  })

  test('every --where has to hold; values may hold equals signs', async () => {
    const { csv } = await transform('a,b\n1,x=y\n2,x=y\n1,x\n', '--where', 'b=x=y', '--where', 'a=1')
    assert.equal(csv, 'a,b\n1,x=y\n')
  })

  test('--select orders and repeats columns as asked', async () => {
    assert.equal((await transform('a,b,c\n1,2,3\n', '--select', 'c,a', '--select', 'c')).csv, 'c,a,c\n3,1,3\n')
  })

  test('--sum alone adds up all rows, an empty field as nothing', async () => {
    assert.equal((await transform('a\n0.1\n""\n0.2\n-1e1\n', '--sum', 'a')).csv, 'sum:a\n-9.7\n')
  })

  test('--sum keeps groups apart whose fields only read alike together', async () => {
    const { csv } = await transform('a,b,n\nx,yz,1\nxy,z,2\nx,yz,4\n', '--select', 'a,b', '--sum', 'n')
    assert.equal(csv, 'a,b,sum:n\nx,yz,5\nxy,z,2\n')
  })

  test('reports progress over many rows and groups', async () => {
    const rows = Array.from({ length: 100_000 }, (_, index) => `${index % 5000},1\n`)
    const { csv, stdout } = await transform(`group,n\n${rows.join('')}`, '--select', 'group', '--sum', 'n')
    assert.equal(stdout, '100000 rows read\n100000 rows read, 100000 kept\n')
    assert.equal(csv, `group,sum:n\n${Array.from({ length: 5000 }, (_, index) => `${index},20\n`).join('')}`)
  })
})

describe('image-edges', () => {
  test('finds the edge between black and white, and none at the border', async () => {
    await using bench = await openBench(executor)
    await input(bench, 'a.pgm', picture('P5 # grey\n4 2 255\n', [0, 0, 255, 255, 0, 0, 255, 255]))
    await bench.succeed('image-edges', ['/inputs/a.pgm', '--thumbnail', '2'])
    assert.deepEqual(await resultBytes(bench, 'edges.pgm'), picture('P5\n4 2\n255\n', [0, 255, 255, 0, 0, 255, 255, 0]))
    assert.deepEqual(await resultBytes(bench, 'thumbnail.pgm'), picture('P5\n2 1\n255\n', [0, 255]))
  })

  test('weighs colours for edges and averages them for the thumbnail', async () => {
    await using bench = await openBench(executor)
    await input(bench, 'a.ppm', picture('P6\n2 1\n255\n', [10, 20, 30, 20, 30, 41]))
    await bench.succeed('image-edges', ['/inputs/a.ppm', '--thumbnail', '1'])
    // Brightness 18 and 28: across (1 + 2 + 1) times 10.
    assert.deepEqual(await resultBytes(bench, 'edges.pgm'), picture('P5\n2 1\n255\n', [40, 40]))
    assert.deepEqual(await resultBytes(bench, 'thumbnail.ppm'), picture('P6\n1 1\n255\n', [15, 25, 36]))
  })

  test('never makes a picture larger', async () => {
    await using bench = await openBench(executor)
    const original = picture('P6\n1 2\n255\n', [1, 2, 3, 4, 5, 6])
    await input(bench, 'a.ppm', original)
    await bench.succeed('image-edges', ['/inputs/a.ppm', '--thumbnail', '500'])
    assert.deepEqual(await resultBytes(bench, 'thumbnail.ppm'), original)
  })
})

describe('mandelbrot', () => {
  const HEADER_LINES = /^(?:[^\n]*\n){3}/
  const pixels = async (bench: Bench, name: string) =>
    (await readFile(path.join(bench.outputs, name), 'latin1')).replace(HEADER_LINES, '')

  test('strips join to the whole picture, however many', async () => {
    await using bench = await openBench(executor)
    const size = ['31', '17', '200']
    await bench.succeed('mandelbrot', size)
    const whole = await pixels(bench, 'mandelbrot-0-of-1.ppm')
    assert.equal(whole.length, 31 * 17 * 3)
    let joined = ''
    for (let index = 0; index < 5; index++) {
      const env = { BACALHAU_PARTITION_INDEX: String(index), BACALHAU_PARTITION_COUNT: '5' }
      await bench.succeed('mandelbrot', size, env)
      joined += await pixels(bench, `mandelbrot-${index}-of-5.ppm`)
    }
    assert.equal(joined, whole)
  })

  test('more strips than rows leave some without work', async () => {
    await using bench = await openBench(executor)
    const env = { BACALHAU_PARTITION_INDEX: '0', BACALHAU_PARTITION_COUNT: '3' }
    assert.equal(await bench.succeed('mandelbrot', ['4', '2', '9'], env), 'strip 0 of 3: no rows are left for it\n')
  })

  test('draws everything where the job has no count', async () => {
    await using bench = await openBench(executor)
    await bench.succeed('mandelbrot', ['4', '2', '9'], {
      BACALHAU_PARTITION_INDEX: '0',
      BACALHAU_PARTITION_COUNT: '0',
    })
    assert.equal((await pixels(bench, 'mandelbrot-0-of-1.ppm')).length, 24)
  })
})

describe('n-body', () => {
  test('keeps its energy', async () => {
    await using bench = await openBench(executor)
    const stdout = await bench.succeed('n-body', ['30', '1000', '7'])
    const energies = [...stdout.matchAll(/energy (-?[\d.]+)/g)].map(([, number]) => Number(number))
    assert.equal(energies.length, 2)
    const [before = 0, afterwards = 0] = energies
    assert.ok(Math.abs((afterwards - before) / before) < 1e-4, stdout)
  })

  test('gives the same places for the same seed, other ones for another', async () => {
    await using bench = await openBench(executor)
    const places = async (seed: string) => {
      await bench.succeed('n-body', ['5', '10', seed])
      const csv = await result(bench, 'bodies.csv')
      await rm(path.join(bench.outputs, 'bodies.csv'))
      return csv
    }
    const first = await places('1')
    assert.equal(await places('1'), first)
    assert.notEqual(await places('2'), first)
  })

  test('without steps only reports the start', async () => {
    await using bench = await openBench(executor)
    const stdout = await bench.succeed('n-body', ['2', '0'])
    assert.match(stdout, /^2 bodies, energy [^\n]*\nafter 0 steps, energy [^\n]*changed by 0\.0e\+00 of it\)\n$/)
  })
})
