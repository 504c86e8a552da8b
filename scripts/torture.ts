// Kills nodes (-9) at random while they work, `--rounds` times (20), then checks that every job that was acknowledged is there,
// ended as it should, and is consistent. `--mode swarm|single` does only one of the two (an orchestrator with two compute nodes;
// one node with both roles), `--seed` draws the load and the kills. Exit code 1 when anything is wrong.
import { parseArgs } from 'node:util'
import { torture } from '../packages/bacalhau/test/e2e/torture/torture.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    mode: { type: 'string' },
  },
})
const [rounds, seed] = [Number(values.rounds), Number(values.seed)]
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 10_000) fail('--rounds takes a number from 1 to 10000')
if (!Number.isInteger(seed)) fail('--seed takes a whole number')
const modes = (['swarm', 'single'] as const).filter((mode) => values.mode === undefined || mode === values.mode)
if (modes.length === 0) fail('--mode takes swarm or single')

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interrupted.abort())

for (const mode of modes) {
  console.log(`\n${mode}: ${rounds} rounds, seed ${seed}`)
  const report = await torture({ mode, rounds, seed, say: console.log, signal: interrupted.signal })
  const { kills, acknowledged, executions, unanswered, violations } = report
  console.log(
    `${kills} kills, ${acknowledged} jobs acknowledged (${executions} executions), ${unanswered} submissions broke off`,
  )
  for (const violation of violations) console.error(`VIOLATION: ${violation}`)
  console.log(violations.length === 0 ? 'nothing was lost or doubled' : `${violations.length} violations`)
  if (violations.length > 0) process.exitCode = 1
  if (interrupted.signal.aborted) break
}

function fail(message: string): never {
  console.error(`Error: ${message}`)
  process.exit(1)
}
