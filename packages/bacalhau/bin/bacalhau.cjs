#!/usr/bin/env node
'use strict'
// The command. On a recent Node it runs in this very process; on an older one it hands over to the pinned Node.
const path = require('node:path')
const { ensureNode, isRecent, runNode } = require('./runtime.cjs')

const MINIMUM = [22, 13]
if (isRecent(MINIMUM)) {
  require('node:module').enableCompileCache()
  import('../dist/main.js').catch((error) => {
    const missing = error?.code === 'ERR_MODULE_NOT_FOUND' && /dist.main\.js/.test(error.message)
    console.error(
      missing ? 'Error: the program is not built yet. Run `npm run build` in the checkout and try again.' : error,
    )
    process.exit(1)
  })
} else {
  runNode(ensureNode(MINIMUM), [path.join(__dirname, 'bacalhau.cjs'), ...process.argv.slice(2)])
}
