// Adding files, and fetching them from another process on loopback: by CAR from the peer that holds them, by our bitswap, and
// by the bitswap of helia (js-ipfs) over the same host and store, as the measure of what bitswap usually gives. Every round
// uses new bytes. `--rounds <n>` sets how many (3); `--large` adds 1 GB, for which peak memory is what counts.
import { type ChildProcess, fork } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { report, summarise } from './stats.ts'

const MB = 1_000_000
const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, large: { type: 'boolean', default: false } },
})

const WAYS = ['car', 'bitswap', 'helia'] as const
export type Way = (typeof WAYS)[number]

/** What a node (`content-node.ts`) is told to do, and what it answers. */
export type Order =
  | { readonly do: 'connect'; readonly address: string }
  | { readonly do: 'add'; readonly file: string; readonly cidVersion: 0 | 1 }
  | { readonly do: 'fetch'; readonly cid: string }
  | { readonly do: 'nothing' }
export interface Done {
  readonly cid?: string
  readonly address?: string
  readonly milliseconds: number
  /** Bytes of memory that the process had at most so far. */
  readonly peak: number
}

const folder = await mkdtemp(path.join(tmpdir(), 'content-'))
try {
  const { speeds } = await measure(100 * MB, Number(values.rounds), WAYS)
  report('add 100 MB (as ipfs add)', summarise(speeds.add), 'MB/s', 'over 150 MB/s')
  report('add 100 MB (--cid-version=1)', summarise(speeds.add1), 'MB/s', '-')
  report('fetch 100 MB by CAR', summarise(speeds.car), 'MB/s', '-')
  report('fetch 100 MB by our bitswap', summarise(speeds.bitswap), 'MB/s', '-')
  report("fetch 100 MB by helia's bitswap", summarise(speeds.helia), 'MB/s', '-')
  const ratios = speeds.car.map((speed, round) => speed / (speeds.helia[round] ?? Number.NaN))
  report("CAR : helia's bitswap", summarise(ratios), 'times', 'over 1.5 times')
  if (values.large) {
    const large = await measure(1_000 * MB, 1, ['car', 'bitswap'])
    report('add 1 GB', summarise(large.speeds.add), 'MB/s', '-')
    report('fetch 1 GB by CAR', summarise(large.speeds.car), 'MB/s', '-')
    report('fetch 1 GB by our bitswap', summarise(large.speeds.bitswap), 'MB/s', '-')
    report('peak memory of the holder', summarise(large.peaks.holder), 'MB', 'under 350 MB')
    report('peak memory of the reader', summarise(large.peaks.reader), 'MB', 'under 350 MB')
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Megabytes a second, and megabytes of memory, of each round between two new nodes. The ways take turns. */
async function measure(bytes: number, rounds: number, ways: readonly Way[]) {
  const speeds = {
    add: [] as number[],
    add1: [] as number[],
    car: [] as number[],
    bitswap: [] as number[],
    helia: [] as number[],
  }
  const peaks = { holder: [] as number[], reader: [] as number[] }
  const speed = ({ milliseconds }: Done) => bytes / 1_000 / milliseconds
  for (let round = 0; round < rounds; round += 1) {
    const file = path.join(folder, `${bytes}-${round}`)
    await writeRandom(file, bytes)
    for (const way of ways) {
      const [holder, reader] = [startNode(`${file}-${way}-holder`, way), startNode(`${file}-${way}-reader`, way)]
      try {
        const { address = '' } = await order(holder, { do: 'connect', address: '' })
        await order(reader, { do: 'connect', address })
        const added = await order(holder, { do: 'add', file, cidVersion: 0 })
        const fetched = await order(reader, { do: 'fetch', cid: added.cid ?? '' })
        speeds.add.push(speed(added))
        speeds[way].push(speed(fetched))
        peaks.holder.push((await order(holder, { do: 'nothing' })).peak / MB)
        peaks.reader.push(fetched.peak / MB)
        if (way === 'car') speeds.add1.push(speed(await order(reader, { do: 'add', file, cidVersion: 1 })))
      } finally {
        await Promise.all([end(holder), end(reader)])
      }
    }
    await rm(file)
  }
  return { speeds, peaks }
}

function startNode(place: string, way: Way): ChildProcess {
  return fork(path.join(import.meta.dirname, 'content-node.ts'), [place, way])
}

/** Ends a node and removes what it stored. */
async function end(node: ChildProcess): Promise<void> {
  const [, place = ''] = node.spawnargs.slice(-3)
  const ended = new Promise((resolve) => node.once('exit', resolve))
  node.kill()
  await ended
  await rm(place, { recursive: true, force: true })
}

function order(node: ChildProcess, order: Order): Promise<Done> {
  return new Promise((resolve, reject) => {
    const onExit = () => reject(new Error('a node has ended'))
    node.once('exit', onExit)
    node.once('message', (done: Done) => {
      node.off('exit', onExit)
      resolve(done)
    })
    node.send(order)
  })
}

async function writeRandom(file: string, bytes: number): Promise<void> {
  const handle = await open(file, 'w')
  for (let left = bytes; left > 0; left -= MB)
    await handle.write(randomFillSync(Buffer.allocUnsafe(Math.min(left, MB))))
  await handle.close()
}
