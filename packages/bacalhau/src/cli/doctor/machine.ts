import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import path from 'node:path'
import { formatBytes } from '@bacalhau/models/units'
import { nodeFolder } from '../../node/node-folder.ts'
import { isBacalhauError, messageOf, systemCode } from '../../runtime/error.ts'
import { fail, type Finding, ok, warn } from './finding.ts'

/** The oldest Node that the program runs on, and the one it is made for: major and minor. */
const OLDEST = [22, 13] as const
const MEANT = 24

export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    return fail('Node', `${version} is too old`, `Install Node ${MEANT}; ${OLDEST.join('.')} is the oldest that works.`)
  }
  return major < MEANT ? ok('Node', `${version}; ${MEANT} is faster`) : ok('Node', version)
}

/** Bytes of free space below which a node cannot do much, and below which it does nothing. */
const LITTLE = 5e9
const TOO_LITTLE = 2e8

/** The folder of keys, configuration and data: may it be used, is there room, is it closed to others? Makes nothing. */
export async function checkFolder(folder: string): Promise<readonly Finding[]> {
  const found = await stat(folder).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error
  })
  if (found === undefined) return checkPlace(folder)
  if (!found.isDirectory()) return [fail('Data folder', `${folder} is not a folder`, CHOOSE)]
  const findings = [await checkRights(folder)]
  if (process.platform !== 'win32' && (found.mode & 0o022) !== 0) {
    findings.push(warn('Data folder', `others may write into ${folder}`, `chmod 700 ${folder}`))
  }
  return [...findings, await checkSpace(folder)]
}

const CHOOSE = 'Choose another folder with --data-dir or BACALHAU_PATH.'

async function checkRights(folder: string): Promise<Finding> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return ok('Data folder', folder)
  } catch (error) {
    return fail('Data folder', `${folder} cannot be used: ${messageOf(error)}`, CHOOSE)
  }
}

/** A folder that is not there yet is made by the first node. */
async function checkPlace(folder: string, below: string = folder): Promise<readonly Finding[]> {
  const parent = path.dirname(below)
  const exists = await stat(parent).then(
    () => true,
    () => false,
  )
  if (!exists && path.dirname(parent) !== parent) return checkPlace(folder, parent)
  try {
    await access(parent, constants.W_OK | constants.X_OK)
    return [ok('Data folder', `${folder} will be made`), await checkSpace(parent)]
  } catch (error) {
    return [fail('Data folder', `${folder} cannot be made: ${messageOf(error)}`, CHOOSE)]
  }
}

async function checkSpace(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  const text = `${formatBytes(free)} free`
  if (free < TOO_LITTLE) return fail('Disk', text, `Make room, or: ${CHOOSE}`)
  return free < LITTLE ? warn('Disk', text, 'Images, inputs and results need room.') : ok('Disk', text)
}

/**
 * The lock of the store of the node on `port`. The operating system lets go of it when a process dies, so one that is held is held by
 * somebody who lives.
 */
export async function checkStore(folder: string, port: number, answers: boolean): Promise<Finding> {
  const { store } = nodeFolder(folder, port)
  const exists = await stat(store).then(
    () => true,
    () => false,
  )
  if (!exists) return ok('Store', 'none yet')
  const { lockStore } = await import('../../store/store-lock.ts')
  try {
    lockStore(store).release()
    return ok('Store', `${store} is not in use`)
  } catch (error) {
    if (!isBacalhauError(error) || error.code !== 'Conflict') return fail('Store', messageOf(error))
    if (answers) return ok('Store', `${store} is in use by the node`)
    const hint = 'A node that hangs, or one with another API port: `ps aux | grep bacalhau` finds it.'
    return warn('Store', `${store} is in use, but no node answers`, hint)
  }
}
