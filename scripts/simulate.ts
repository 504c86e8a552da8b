// Runs simulated worlds, each from a seed, on all cores: `npm run simulate -- --seeds 100000 --from 1`.
// Every seed that breaks a promise is printed with the fewest steps that lead there; then the exit code is 1.
// With `--kind go-compute` all worlds are of that kind. With one seed alone, `--trace` prints everything that happens in its world.
import { type ChildProcess, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { performance } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { explainFailure } from '../packages/bacalhau/test/simulation/chaos/report.ts'
import { type Kind, KINDS } from '../packages/bacalhau/test/simulation/chaos/script.ts'
import { simulate } from '../packages/bacalhau/test/simulation/chaos/simulate.ts'

/** Seeds that a worker takes at a time. */
const CHUNK = 20
/** Failing seeds that are explained; of those after them only the promise is named. */
const EXPLAINED = 5
/** Real milliseconds that one world may take, and between two lines of progress. */
const HANG = 120_000
const PROGRESS = 5_000

interface Chunk {
  readonly from: number
  readonly count: number
  readonly explain: boolean
}

/** What a worker says of one world. */
interface Finished {
  readonly seed: number
  readonly kind: string
  readonly milliseconds: number
  readonly moves: number
  readonly runs: number
  readonly invariant?: string
  readonly explanation?: string
}

async function runSeed(seed: number, explain: boolean, kind: Kind | undefined): Promise<Finished> {
  const outcome = await simulate(seed, kind === undefined ? {} : { kind })
  const { plan, milliseconds, moves, runs, violation } = outcome
  const facts = { seed, kind: plan.kind, milliseconds, moves, runs }
  if (violation === undefined) return facts
  const explanation = explain ? await explainFailure(outcome) : `seed ${seed}: ${violation.message}`
  return { ...facts, invariant: violation.invariant, explanation }
}

function serve(send: (finished: Finished | 'more') => void, kind: Kind | undefined): void {
  let current = 0
  process.on('unhandledRejection', (error) => {
    const explanation = `seed ${current}: nobody takes a rejection: ${error instanceof Error ? error.stack : String(error)}`
    send({
      seed: current,
      kind: '',
      milliseconds: 0,
      moves: 0,
      runs: 0,
      invariant: 'every rejection is taken',
      explanation,
    })
  })
  const run = async ({ from, count, explain }: Chunk) => {
    for (current = from; current < from + count; current++) send(await runSeed(current, explain, kind))
    send('more')
  }
  process.on('message', (chunk: Chunk) => void run(chunk))
  send('more')
}

interface Work {
  readonly from: number
  readonly total: number
  readonly workers: number
  readonly kind: Kind | undefined
}

/** The figures of all worlds so far. */
class Tally {
  readonly #start = performance.now()
  readonly failures = new Map<string, number[]>()
  done = 0
  #moves = 0
  #runs = 0
  #milliseconds = 0

  add({ seed, milliseconds, moves, runs, invariant }: Finished): void {
    this.done += 1
    this.#moves += moves
    this.#runs += runs
    this.#milliseconds += milliseconds
    if (invariant !== undefined) this.failures.set(invariant, [...(this.failures.get(invariant) ?? []), seed])
  }

  get failed(): number {
    return [...this.failures.values()].flat().length
  }

  line(total: number): string {
    const seconds = (performance.now() - this.#start) / 1_000
    return `${this.done} of ${total} worlds, ${(this.done / seconds).toFixed(0)} a second, ${this.failed} failed`
  }

  summary(): string[] {
    const days = this.#milliseconds / 86_400_000
    const failures = [...this.failures].map(
      ([invariant, seeds]) => `  ${invariant}: seeds ${seeds.slice(0, 20).join(', ')}`,
    )
    return [
      `${this.#runs} executions were run and ${this.#moves} moves became durable in ${days.toFixed(1)} days of virtual time`,
      ...(failures.length === 0 ? ['every promise was kept'] : ['promises were broken:', ...failures]),
    ]
  }
}

function runAll(tally: Tally, { from, total, workers, kind }: Work): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let next = from
  let living = 0
  const start = () => {
    living += 1
    const child: ChildProcess = fork(import.meta.filename, [
      '--worker',
      ...(kind === undefined ? [] : ['--kind', kind]),
    ])
    let last = next
    const hang = () => {
      console.error(`the world after seed ${last} hangs`)
      tally.add({ seed: last + 1, kind: '', milliseconds: 0, moves: 0, runs: 0, invariant: 'the world goes on' })
      child.kill('SIGKILL')
    }
    let watchdog = setTimeout(hang, HANG)
    child.on('message', (said: Finished | 'more') => {
      clearTimeout(watchdog)
      watchdog = setTimeout(hang, HANG)
      if (said === 'more') {
        const count = Math.min(CHUNK, from + total - next)
        if (count <= 0) return child.disconnect()
        child.send({ from: next, count, explain: tally.failed < EXPLAINED } satisfies Chunk)
        last = next - 1
        next += count
      } else {
        last = said.seed
        tally.add(said)
        if (said.explanation !== undefined) console.log(`\n${said.explanation}\n`)
      }
    })
    child.on('exit', () => {
      clearTimeout(watchdog)
      living -= 1
      if (living === 0) resolve()
    })
  }
  for (let worker = 0; worker < workers; worker++) start()
  return promise
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '2000' },
      from: { type: 'string', default: '1' },
      workers: { type: 'string', default: String(availableParallelism()) },
      trace: { type: 'boolean', default: false },
      kind: { type: 'string' },
      worker: { type: 'boolean', default: false },
    },
  })
  const kind = KINDS.find((name) => name === values.kind)
  if (kind !== values.kind) {
    console.error(`Error: --kind takes one of ${KINDS.join(', ')}`)
    process.exitCode = 2
    return
  }
  if (values.worker) return serve((said) => process.send?.(said), kind)
  const [from, total, workers] = [Number(values.from), Number(values.seeds), Number(values.workers)]
  if (![from, total, workers].every((value) => Number.isSafeInteger(value) && value > 0)) {
    console.error('Error: --seeds, --from and --workers take whole numbers above 0')
    process.exitCode = 2
    return
  }
  if (values.trace) {
    const { lines, hash } = await simulate(from, { shown: 1_000_000, ...(kind === undefined ? {} : { kind }) })
    console.log([...lines, `trace ${hash}`].join('\n'))
  }
  const tally = new Tally()
  const progress = setInterval(() => console.log(tally.line(total)), PROGRESS)
  await runAll(tally, { from, total, workers: Math.min(workers, Math.ceil(total / CHUNK)), kind })
  clearInterval(progress)
  console.log([tally.line(total), ...tally.summary()].join('\n'))
  process.exitCode = tally.failed > 0 ? 1 : 0
}

await main()
