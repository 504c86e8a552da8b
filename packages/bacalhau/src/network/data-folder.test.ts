import assert from 'node:assert/strict'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { dataFolder, ensureDataFolder } from './data-folder.ts'

test('the data folder is the chosen one, else BACALHAU_PATH, else .bacalhau at home', () => {
  assert.equal(dataFolder('/chosen', { BACALHAU_PATH: '/variable' }), '/chosen')
  assert.equal(dataFolder(undefined, { BACALHAU_PATH: '/variable' }), '/variable')
  assert.equal(dataFolder(undefined, {}), path.join(os.homedir(), '.bacalhau'))
})

test('an empty setting counts as none', () => {
  assert.equal(dataFolder('', { BACALHAU_PATH: '' }), path.join(os.homedir(), '.bacalhau'))
})

test('the data folder is absolute, so that a change of the working folder does not move it', () => {
  assert.equal(dataFolder('here', {}), path.join(process.cwd(), 'here'))
})

test(
  'a folder that the system does not let anyone make is an error, and not an endless attempt',
  { skip: process.platform !== 'linux' },
  async () => {
    await assert.rejects(ensureDataFolder('/proc/nope/deeper'), { code: 'DataDirUnusable' })
  },
)
