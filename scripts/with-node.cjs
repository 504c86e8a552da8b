'use strict'
// Runs a script of this checkout on a Node that understands TypeScript, after making sure that the packages are there.
const { spawnSync } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')
const { ensureNode, npmEnvironment, runNode } = require('../packages/bacalhau/bin/runtime.cjs')

/** The first Node 22 that strips types without a flag. */
const MINIMUM = [22, 18]
const root = path.join(__dirname, '..')

if (!fs.existsSync(path.join(root, 'node_modules', '.package-lock.json'))) {
  console.error('Installing packages (npm ci) ...')
  const windows = process.platform === 'win32'
  const result = spawnSync(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: npmEnvironment(),
    shell: windows,
  })
  if (result.status !== 0) {
    console.error('Error: `npm ci` failed; see the message above.')
    process.exit(result.status || 1)
  }
}
runNode(ensureNode(MINIMUM), process.argv.slice(2))
