import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { type JobSpec, parseBytes, parseLegacySpec, parseSubmission, type Task } from '@bacalhau/models'
import { parse } from 'yaml'
import { type Bench, EXAMPLES, modulePath, type ModuleRun, openBench, openSandbox } from './run-module.ts'

const NAMES = globSync('*/job.yaml', { cwd: EXAMPLES })
  .map((file) => path.dirname(file))
  .toSorted()

/** Every file below `folder`, by its path there. */
async function readTree(folder: string): Promise<Map<string, Buffer>> {
  const files = globSync('**/*', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => path.join(entry.parentPath, entry.name)).toSorted()
  return new Map(
    await Promise.all(paths.map(async (file) => [path.relative(folder, file), await readFile(file)] as const)),
  )
}

async function readJob(name: string): Promise<JobSpec> {
  const parsed = parseSubmission(parse(await readFile(path.join(EXAMPLES, name, 'job.yaml'), 'utf8')))
  assert.ok(parsed.ok, JSON.stringify(parsed))
  assert.deepEqual(parsed.value.warnings, [])
  return parsed.value.spec
}

/** What the command line and a compute node make of a task: `file` sources, beside the spec, are mounted at their targets. */
function toRun(task: Task, folder: string): ModuleRun {
  const inputs = task.InputSources.map(({ Source, Target }) => {
    assert.equal(Source.Type, 'file')
    return [Target, path.join(folder, String(Source.Params?.['Path']))] as const
  })
  assert.deepEqual(task.ResultPaths, [{ Name: 'outputs', Path: '/outputs' }])
  return {
    params: task.Engine.Params ?? {},
    inputs: Object.fromEntries(inputs),
    limits: {
      memory: parseBytes(task.Resources.Memory ?? '') ?? assert.fail('no memory limit'),
      time: (task.Timeouts.ExecutionTimeout ?? assert.fail('no time limit')) * 1000,
    },
  }
}

/** Writes the content of a base64 `data:` URL to a file. */
async function saveDataUrl(url: unknown, file: string): Promise<string> {
  const match = /^data:[a-z/]+;base64,(.*)$/.exec(String(url))
  await writeFile(file, Buffer.from(match?.[1] ?? assert.fail(`not a data URL: ${String(url)}`), 'base64'))
  return file
}

describe('examples', () => {
  const executor = openSandbox()
  after(() => executor.stop())

  test('are all there', () => {
    assert.deepEqual(NAMES, ['csv-transform', 'hello', 'image-edges', 'mandelbrot', 'n-body', 'word-count'])
  })

  for (const name of NAMES) {
    const folder = path.join(EXAMPLES, name)

    test(`${name}: the module is small and stripped`, async () => {
      const bytes = await readFile(modulePath(name))
      assert.ok(bytes.length < 100_000, `${bytes.length} bytes`)
      // The length of a section's name stands before it.
      for (const section of ['\x04name', '\x09producers', '.debug_']) assert.ok(!bytes.includes(section), section)
    })

    test(`${name}: its job gives the expected results`, async () => {
      await using bench = await openBench(executor)
      const { stdout, outputs } = await runJob(bench, await readJob(name), folder)
      const expected = await readTree(path.join(folder, 'expected'))
      assert.equal(stdout, expected.get('stdout')?.toString())
      expected.delete('stdout')
      assert.deepEqual([...outputs.keys()], [...expected.keys()])
      for (const [file, bytes] of expected) assert.ok(outputs.get(file)?.equals(bytes), `${file} differs`)
    })

    test(`${name}: its README gives the command`, async () => {
      const readme = await readFile(path.join(folder, 'README.md'), 'utf8')
      assert.ok(readme.includes(`npx bacalhau run examples/${name}/job.yaml`))
      assert.match(readme, new RegExp(`npx bacalhau wasm run [^]*examples/${name}/${name}\\.wasm`))
    })
  }

  test('legacy/run.json carries hello and runs like it', async () => {
    await using bench = await openBench(executor)
    const parsed = parseLegacySpec(JSON.parse(await readFile(path.join(EXAMPLES, 'legacy/run.json'), 'utf8')))
    assert.ok(parsed.ok, JSON.stringify(parsed))
    const task = parsed.value.spec.Tasks[0] ?? assert.fail('no task')
    const inputs: Record<string, string> = {}
    for (const [index, { Source, Target }] of task.InputSources.entries()) {
      assert.equal(Source.Type, 'inline')
      inputs[Target] = await saveDataUrl(Source.Params?.['URL'], path.join(bench.scratch, String(index)))
    }
    const module = inputs[String(task.Engine.Params?.['EntryModule'])] ?? assert.fail('no module')
    assert.ok((await readFile(module)).equals(await readFile(modulePath('hello'))), 'run examples/build.sh')
    const end = await bench.run({ params: task.Engine.Params ?? {}, inputs })
    const expected = await readFile(path.join(EXAMPLES, 'hello/expected/stdout'), 'utf8')
    assert.deepEqual(end, { exitCode: 0, stdout: expected, stderr: '' })
    assert.equal(await readFile(path.join(bench.outputs, 'greeting.txt'), 'utf8'), expected)
  })
})

/** Runs every execution of a job into one folder of results. The logs follow each other. */
async function runJob(
  bench: Bench,
  job: JobSpec,
  folder: string,
): Promise<{ stdout: string; outputs: Map<string, Buffer> }> {
  const task = job.Tasks[0] ?? assert.fail('no task')
  const count = job.Count ?? assert.fail('no count')
  let stdout = ''
  for (let index = 0; index < count; index++) {
    const env = { BACALHAU_PARTITION_INDEX: String(index), BACALHAU_PARTITION_COUNT: String(count) }
    const end = await bench.run({ ...toRun(task, folder), env })
    assert.deepEqual({ exitCode: end.exitCode, stderr: end.stderr }, { exitCode: 0, stderr: '' })
    stdout += end.stdout
  }
  const files = await readTree(bench.outputs)
  return { stdout, outputs: new Map([...files].map(([file, bytes]) => [path.join('outputs', file), bytes])) }
}
