'use strict'
// After `npm install` in the checkout: fetch a recent Node where the present one is too old, and build the command.
const { spawnSync } = require('node:child_process')
const path = require('node:path')
const { ensureNode } = require('../packages/bacalhau/bin/runtime.cjs')

const node = ensureNode([22, 18])
const result = spawnSync(node, [path.join(__dirname, 'build.ts')], { stdio: 'inherit' })
process.exit(result.status ?? 1)
