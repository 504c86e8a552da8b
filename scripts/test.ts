// Runs every test of the workspace with Node's own runner and closes with one line that counts them.
// Arguments are parts of file names: `npm test -- units store` runs only the files whose path holds one of them.
import { spawnSync } from 'node:child_process'
import { glob } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { pathToFileURL } from 'node:url'

const root = path.join(import.meta.dirname, '..')
const wanted = process.argv.slice(2)
/** No single test file may take longer, in milliseconds: a hang must end the run, not the day. */
const FILE_TIMEOUT = 240_000
/** Begun first, so that none of them is left over at the end, when the other cores have nothing to do any more. */
const LONGEST = ['test/simulation/chaos.test.ts', 'executors/docker/executor.test.ts', 'test/e2e/torture.test.ts']
const isLong = (file: string) => LONGEST.some((end) => file.endsWith(end))

const build = spawnSync(process.execPath, [path.join(root, 'scripts/build.ts')], { stdio: 'inherit' })
if (build.status !== 0) process.exit(1)

const files: string[] = []
for await (const file of glob(['packages/*/{src,test}/**/*.test.ts', 'examples/**/*.test.ts', 'scripts/**/*.test.ts'], {
  cwd: root,
})) {
  if (wanted.length === 0 || wanted.some((part) => file.includes(part))) files.push(path.join(root, file))
}
if (files.length === 0) {
  console.error(`Error: no test file matches ${wanted.join(' ')}`)
  process.exit(1)
}

// By the environment, because the runner starts a process for each file.
process.env['NODE_OPTIONS'] = `--import ${pathToFileURL(path.join(root, 'scripts/seed.ts')).href}`

const counts = { passed: 0, failed: 0, skipped: 0 }
const stream = run({
  files: files.toSorted().toSorted((a, b) => Number(isLong(b)) - Number(isLong(a))),
  cwd: root,
  concurrency: Math.max(2, availableParallelism()),
  timeout: FILE_TIMEOUT,
  coverage: wanted.length === 0,
  coverageIncludeGlobs: ['packages/*/src/**/*.ts'],
  coverageExcludeGlobs: ['**/*.test.ts', '**/test/**', '**/compliance.ts', '**/fixtures/**'],
})
stream.on('test:fail', () => (counts.failed += 1))
stream.on('test:pass', (event) => {
  // Of a suite that is skipped nothing else is heard.
  if (event.skip !== undefined) counts.skipped += 1
  else if (event.details.type !== 'suite') counts.passed += 1
})
stream.compose(spec).pipe(process.stdout)
stream.on('end', () => {
  process.on('exit', () => {
    console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  })
  process.exitCode = counts.failed > 0 ? 1 : 0
})
