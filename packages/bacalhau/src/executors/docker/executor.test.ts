import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { executorCompliance } from '../compliance.ts'
import { createGpuPool } from './container/gpus.ts'
import { openBench, executorAt } from './fixtures/bench.ts'
import { egressSuite } from './fixtures/egress.ts'
import { IMAGE, startTestEngine } from './fixtures/engine.ts'
import { hardeningSuite } from './fixtures/hardening.ts'
import { isolationSuite } from './fixtures/isolation.ts'
import { networkSuite } from './fixtures/networks.ts'
import { pullSuite } from './fixtures/pulls.ts'
import { survivalSuite } from './fixtures/survival.ts'

const engine = await startTestEngine({ bridge: true })

if (typeof engine === 'string') {
  test('containers', { skip: engine }, () => undefined)
} else {
  const { address } = engine
  after(() => engine.stop())
  const shell = (script: string) => ({ params: { Image: IMAGE, Entrypoint: ['/bin/sh', '-c', script] } })

  executorCompliance({
    create: () => executorAt(address),
    engine: 'docker',
    succeed: shell('exit 0'),
    endless: shell('echo begun; sleep 1000'),
    invalid: { Image: '' },
    print: shell('echo out; echo err >&2; exit 7'),
  })

  describe('a container', () => {
    test('runs what the spec says, with its three layers of environment', async (t) => {
      const { run } = await openBench(t, address)
      const { stdout } = await run({
        script: '',
        env: { A: 'task', B: 'task' },
        params: {
          Entrypoint: ['/bin/sh', '-c', 'pwd; id -u; echo $A $B $C "$@"', 'sh'],
          Parameters: ['one two', 'three'],
          EnvironmentVariables: ['B=engine', 'C=a=b', 'NOTHING'],
          WorkingDirectory: '/some/where',
          User: 'somebody',
        },
      })
      assert.equal(stdout, '/some/where\n1000\ntask engine a=b one two three\n')
    })

    test('of any user writes to its result folders', async (t) => {
      const { run } = await openBench(t, address)
      const { results } = await run({ script: 'echo x > /outputs/f', params: { User: '1234:1234' } })
      assert.deepEqual(results, ['f'])
    })

    test('that a signal ends says which one', async (t) => {
      const { run } = await openBench(t, address)
      const { outcome } = await run({ script: "sh -c 'kill -SEGV $$'; exit $?" })
      const note = 'exit code 139: the job was ended by SIGSEGV'
      assert.deepEqual(outcome, { kind: 'exited', exitCode: 139, note })
    })

    test('that cannot start says why', async (t) => {
      const { run } = await openBench(t, address)
      const { outcome } = await run({ script: '', params: { Entrypoint: ['/nowhere'] } })
      assert.equal(outcome.kind === 'failed' && outcome.code, 'ContainerStartFailed')
      assert.match(outcome.kind === 'failed' ? outcome.message : '', /nowhere.*no such file/)
    })

    test('keeps its output and results when its time is up, and when it is cancelled (point 1)', async (t) => {
      const { run } = await openBench(t, address)
      const script = 'echo x > /outputs/f; echo begun; sleep 100'
      const late = await run({ script, limits: { time: 700 } })
      assert.equal(late.outcome.kind === 'failed' && late.outcome.code, 'ExecutionTimeout')
      assert.deepEqual([late.stdout, late.results], ['begun\n', ['f']])
      const cancel = new AbortController()
      const cancelled = await run({ script, signal: cancel.signal, onOutput: () => cancel.abort() })
      assert.equal(cancelled.outcome.kind === 'failed' && cancelled.outcome.code, 'ExecutionCancelled')
      assert.equal(cancelled.stdout, 'begun\n')
    })

    test('has its whole exit code (point 2)', async (t) => {
      const { run } = await openBench(t, address)
      for (const exitCode of [0, 1, 125, 255]) {
        assert.deepEqual((await run({ script: `exit ${exitCode}` })).outcome, { kind: 'exited', exitCode })
      }
    })

    test('needs its image on a node that fetches none', async (t) => {
      const { executor, run } = await openBench(t, address)
      const missing = { Image: 'nobody.invalid/nothing:1' }
      await assert.rejects(executor.prepare?.(missing, new AbortController().signal) ?? Promise.resolve(), {
        code: 'ImageNotFound',
      })
      const { outcome } = await run({ script: '', params: missing })
      assert.equal(outcome.kind === 'failed' && outcome.code, 'ImageNotFound')
    })

    test('runs an image that no registry has, named by its content (point 5)', async (t) => {
      const { executor } = await openBench(t, address)
      assert.match(
        (await executor.prepare?.({ Image: IMAGE }, new AbortController().signal)) ?? '',
        /^image (\S+@)?sha256:[\da-f]{64}$/,
      )
    })

    test('gets no GPU that is not there', async (t) => {
      const { run } = await openBench(t, address)
      const { outcome } = await run({ script: '', limits: { gpu: 1 } })
      assert.equal(outcome.kind === 'failed' && outcome.code, 'NotEnoughResources')
      assert.equal(createGpuPool([]).size, 0)
    })

    test('brings a gigantic line through in order', async (t) => {
      const { run } = await openBench(t, address)
      const ran = await run({ script: 'seq 200000; echo end >&2', limits: { output: 10 << 20 } })
      const expected = Array.from({ length: 200_000 }, (_, index) => `${index + 1}\n`).join('')
      assert.equal(ran.stdout === expected, true)
      assert.equal(ran.stderr, 'end\n')
    })
  })

  isolationSuite(() => address)
  hardeningSuite(() => address)
  networkSuite(() => address)
  egressSuite(() => address)
  pullSuite(() => address)
  survivalSuite(() => address)
}
