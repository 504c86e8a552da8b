// Lint: oxlint with type information, then the rules of this project's own layout (layers.ts).
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { checkLayers } from './layers.ts'

const root = path.join(import.meta.dirname, '..')
const oxlint = spawnSync(
  process.execPath,
  [path.join(root, 'node_modules/oxlint/bin/oxlint'), '--type-aware', '--deny-warnings', ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit' },
)
const problems = await checkLayers(root)
for (const problem of problems) console.error(`layers: ${problem}`)
process.exit(oxlint.status === 0 && problems.length === 0 ? 0 : 1)
