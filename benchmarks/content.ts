// Adding files, and fetching them from another process on loopback: by CAR from the peer that holds them, and by bitswap.
// Every round uses new bytes. `--rounds <n>` sets how many (3); `--large` adds 1 GB, for which peak memory is what counts.
import { type ChildProcess, fork } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { multiaddr } from '@multiformats/multiaddr'
import { type AddOptions, createContent } from '../packages/bacalhau/src/content/content.ts'
import { parseContentRef } from '../packages/bacalhau/src/content/cid.ts'
import { CAR_PROTOCOL } from '../packages/bacalhau/src/content/swarm/car-protocol.ts'
import { createHost } from '../packages/bacalhau/src/network/host.ts'
import { generateNodeKey } from '../packages/bacalhau/src/network/identity.ts'
import { silentLogger } from '../packages/bacalhau/src/runtime/logger.ts'
import { report, summarise } from './stats.ts'

const MB = 1_000_000
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    large: { type: 'boolean', default: false },
    node: { type: 'string' },
    without: { type: 'string', default: '' },
  },
})

/** What a node is told to do, and what it answers. */
type Order =
  | { readonly do: 'add'; readonly file: string; readonly options: AddOptions }
  | { readonly do: 'fetch'; readonly cid: string }
  | { readonly do: 'connect'; readonly address: string }
  | { readonly do: 'nothing' }
interface Done {
  readonly cid?: string
  readonly address?: string
  readonly milliseconds: number
  /** Bytes of memory that the process had at most so far. */
  readonly peak: number
}

if (values.node === undefined) await compare(Number(values.rounds))
else await runNode(values.node, values.without)

/** A node of its own, which follows orders from the parent process. */
async function runNode(folder: string, without: string): Promise<void> {
  const { bytes } = await generateNodeKey()
  const host = await createHost({ key: bytes, port: 0, listen: ['127.0.0.1'] })
  const content = await createContent({ host, folder, logger: silentLogger })
  if (without !== '') await host.unhandle(without)

  async function obey(order: Order): Promise<Pick<Done, 'cid' | 'address'>> {
    switch (order.do) {
      case 'add':
        return { cid: (await content.add(order.file, order.options)).cid.toString() }
      case 'connect':
        if (order.address !== '') await host.dial(multiaddr(order.address))
        return { address: String(host.getMultiaddrs()[0]) }
      case 'fetch':
        await content.pin(parseContentRef(order.cid).cid)
        return {}
      case 'nothing':
        return {}
    }
  }

  process.on('message', (order: Order) => {
    const begin = performance.now()
    obey(order).then(
      (done) => {
        const milliseconds = performance.now() - begin
        process.send?.({ ...done, milliseconds, peak: process.resourceUsage().maxRSS * 1024 } satisfies Done)
      },
      (error: unknown) => {
        console.error(error)
        process.exit(1)
      },
    )
  })
  process.on('disconnect', () => process.exit())
}

async function compare(rounds: number): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'content-'))
  try {
    const speeds = await measure(folder, 100 * MB, rounds)
    report('add 100 MB (as ipfs add)', summarise(speeds.add0), 'MB/s', 'over 150 MB/s')
    report('add 100 MB (--cid-version=1)', summarise(speeds.add1), 'MB/s', '-')
    report('fetch 100 MB by CAR', summarise(speeds.car), 'MB/s', '-')
    report('fetch 100 MB by bitswap', summarise(speeds.bitswap), 'MB/s', '-')
    if (!values.large) return
    const large = await measure(folder, 1_000 * MB, 1)
    report('add 1 GB', summarise(large.add0), 'MB/s', '-')
    report('fetch 1 GB by CAR', summarise(large.car), 'MB/s', '-')
    report('fetch 1 GB by bitswap', summarise(large.bitswap), 'MB/s', '-')
    report('peak memory of the holder', summarise([large.holderPeak / MB]), 'MB', 'under 350 MB')
    report('peak memory of the reader', summarise([large.readerPeak / MB]), 'MB', 'under 350 MB')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Megabytes a second of each round, between two new nodes. */
async function measure(folder: string, bytes: number, rounds: number) {
  const measured = { add0: [] as number[], add1: [] as number[], car: [] as number[], bitswap: [] as number[] }
  let [holderPeak, readerPeak] = [0, 0]
  for (let round = 0; round < rounds; round += 1) {
    const place = path.join(folder, `${bytes}-${round}`)
    const file = `${place}.bin`
    await writeRandom(file, bytes)
    const speed = ({ milliseconds }: Done) => bytes / 1_000 / milliseconds
    for (const [name, without] of [
      ['car', ''],
      ['bitswap', CAR_PROTOCOL],
    ] as const) {
      const [holder, reader] = [startNode(`${place}-${name}-holder`, without), startNode(`${place}-${name}-reader`, '')]
      try {
        const { address = '' } = await order(holder, { do: 'connect', address: '' })
        await order(reader, { do: 'connect', address })
        const added = await order(holder, { do: 'add', file, options: { cidVersion: 0 } })
        const fetched = await order(reader, { do: 'fetch', cid: added.cid ?? '' })
        measured.add0.push(speed(added))
        measured[name].push(speed(fetched))
        holderPeak = Math.max(holderPeak, (await order(holder, { do: 'nothing' })).peak)
        readerPeak = Math.max(readerPeak, fetched.peak)
        if (name === 'car')
          measured.add1.push(speed(await order(reader, { do: 'add', file, options: { cidVersion: 1 } })))
      } finally {
        holder.kill()
        reader.kill()
      }
    }
    await rm(file)
  }
  return { ...measured, holderPeak, readerPeak }
}

function startNode(folder: string, without: string): ChildProcess {
  return fork(import.meta.filename, ['--node', folder, '--without', without])
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
