// Inputs and results against a plain copy by the same means: one large file by URL and by S3 against Node's own HTTP client and a
// file, and by CAR against the same bytes over a libp2p stream of the same connection to a file; many small files as results and
// as an input against tar. Servers and each copy are processes of their own, in turn. `--bytes <n>` sets the size of the large
// file (1 GB), `--files <n>` how many small ones (10000), `--rounds <n>` how often (3); `--only large|small` leaves the other out.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { report, summarise } from './stats.ts'

const MB = 1_000_000
const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '1000000000' },
    files: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
  },
})
const [bytes, files, rounds] = [Number(values.bytes), Number(values.files), Number(values.rounds)]
const WORKER = path.join(import.meta.dirname, 'data-worker.ts')
const AWS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER', AWS_REGION: 'us-east-1' }

const folder = await mkdtemp(path.join(tmpdir(), 'bacalhau-data-'))
const servers: ChildProcess[] = []
try {
  if (values.only !== 'small') await large()
  if (values.only !== 'large') await small()
} finally {
  for (const server of servers) server.kill()
  await rm(folder, { recursive: true, force: true })
}

async function large(): Promise<void> {
  const file = path.join(folder, 'large')
  await writeRandom(file)
  const url = await serve('serve-url', file)
  const s3 = await serve('serve-s3', file, path.join(folder, 's3'))
  const car = await serve('serve-car', file, path.join(folder, 'car'))
  for (const [way, at, copy, plain] of [
    ['url', `${url}/large`, 'copy', `${url}/large`],
    ['s3', s3, 'copy', `${s3}/bucket/large`],
    ['car', car, 'copy-car', car],
  ] as const) {
    const [ratios, speeds, peaks]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round < rounds; round += 1) {
      const [here, there] = [path.join(folder, `ours-${way}`), path.join(folder, `plain-${way}`)]
      const ours = await run(`fetch-${way}`, at, here)
      const theirs = await run(copy, plain, there)
      // What one round has written must not be in the way of the next.
      for (const place of [here, there]) await rm(place, { recursive: true, force: true })
      ratios.push(ours.milliseconds / theirs.milliseconds)
      speeds.push(bytes / 1_000 / ours.milliseconds)
      peaks.push(ours.peak / MB)
    }
    const size = `${Math.round(bytes / MB)} MB`
    report(`input of ${size} by ${way} : plain copy, in time`, summarise(ratios), 'times', 'under 1.3 times')
    report(`input of ${size} by ${way}`, summarise(speeds), 'MB/s', '-')
    report(`memory of that`, summarise(peaks), 'MB', 'under 300 MB')
  }
}

async function small(): Promise<void> {
  const source = path.join(folder, 'small')
  for (let at = 0; at < files; at += 1) {
    const place = path.join(source, String(at % 100))
    if (at < 100) await mkdir(place, { recursive: true })
    await writeFile(path.join(place, String(at)), `${at}\n`.repeat(100))
  }
  const ratios: Record<'archive' | 'add' | 'export', number[]> = { archive: [], add: [], export: [] }
  for (let round = 0; round < rounds; round += 1) {
    const at = (name: string) => path.join(folder, `${name}-${round}`)
    const packed = await run('tar', '-C', source, '-czf', at('tar.gz'), '.')
    const archive = await run('archive', source, at('archive.tar.gz'))
    await mkdir(at('untar'))
    const unpacked = await run('tar', '-C', at('untar'), '-xzf', at('tar.gz'))
    const ipfs = await run('ipfs', source, at('content'), at('exported'))
    ratios.archive.push(archive.milliseconds / packed.milliseconds)
    ratios.add.push((ipfs.added ?? Number.NaN) / packed.milliseconds)
    ratios.export.push(ipfs.milliseconds / unpacked.milliseconds)
  }
  report(`${files} files as an archive of results : tar -cz`, summarise(ratios.archive), 'times', 'under 3 times')
  report(`${files} files published in IPFS : tar -cz`, summarise(ratios.add), 'times', 'under 3 times')
  report(`${files} files as an input from IPFS : tar -xz`, summarise(ratios.export), 'times', 'under 3 times')
}

interface Measured {
  readonly milliseconds: number
  /** Bytes of memory at most. */
  readonly peak: number
  readonly added?: number
}

/** One piece of work in a process of its own. */
async function run(...args: string[]): Promise<Measured> {
  const child = spawn(process.execPath, [WORKER, ...args], {
    env: { ...process.env, ...AWS },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  await once(child, 'close')
  return JSON.parse(line) as Measured
}

async function serve(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, ['--no-deprecation', WORKER, ...args], {
    env: { ...process.env, ...AWS },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  servers.push(child)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return line
}

async function writeRandom(file: string): Promise<void> {
  const handle = await open(file, 'w')
  const block = Buffer.alloc(MB)
  for (let written = 0; written < bytes; written += block.length) await handle.write(randomFillSync(block))
  await handle.close()
}
