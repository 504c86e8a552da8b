import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SETTING_NAMES, variablesOf } from './config-settings.ts'
import { variableWarnings } from './config-variables.ts'

const warned = (...names: string[]) => variableWarnings(Object.fromEntries(names.map((name) => [name, 'x'])))

test('a variable that is no setting is told, with the one that was probably meant', async () => {
  assert.deepEqual(await warned('BACALHAU_API_PROT', 'BACALHAU_QWERTZ', 'BACALHAU_API_PORT'), [
    'BACALHAU_API_PROT is no setting and has no effect; did you mean BACALHAU_API_PORT?',
    'BACALHAU_QWERTZ is no setting and has no effect',
  ])
})

test('one of the Go program that means nothing here is told as its key is, and so is all below it', async () => {
  assert.deepEqual(await warned('BACALHAU_NAMEPROVIDER', 'BACALHAU_WEBUI_ENABLED', 'BACALHAU_COMPUTE_ORCHESTRATORS'), [
    'BACALHAU_COMPUTE_ORCHESTRATORS: Compute.Orchestrators has no effect here; see Swarm.Peers',
    'BACALHAU_NAMEPROVIDER: NameProvider has no effect here',
    'BACALHAU_WEBUI_ENABLED: WebUI has no effect here',
  ])
})

test('nothing is said of settings, of what the command line and jobs know, and of what is empty or not ours', async () => {
  const settings = SETTING_NAMES.flatMap(variablesOf)
  const jobs = ['EXECUTION_ID', 'JOB_ID', 'JOB_TYPE', 'PARTITION_INDEX', 'PORT_web', 'HOST_PORT_web']
  assert.deepEqual(await warned(...settings, ...jobs.map((name) => `BACALHAU_${name}`), 'BACALHAU_PROFILE', 'PATH'), [])
  assert.deepEqual(await variableWarnings({ BACALHAU_QWERTZ: '', BACALHAU_ASDF: undefined }), [])
})
