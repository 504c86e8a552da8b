import assert from 'node:assert/strict'
import { mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { isBacalhauError } from '../../../runtime/error.ts'
import { createGpuPool, type Gpu, gpuDevices, gpuName } from './gpus.ts'

const gpu = (vendor: Gpu['vendor'], index: number): Gpu => ({ vendor, index, pciAddress: `0000:0${index}:00.0` })
const GPUS = [gpu('nvidia', 0), gpu('nvidia', 1), gpu('amd', 0)]
const scarce = (error: unknown) => isBacalhauError(error) && error.code === 'NotEnoughResources'

describe('the GPUs of a node', () => {
  test('are given to one job at a time', () => {
    const pool = createGpuPool(GPUS)
    const [first, second] = [pool.take(2), pool.take(1)]
    assert.deepEqual(new Set([...first, ...second]).size, 3)
    assert.throws(() => pool.take(1), scarce)
    pool.giveBack(first)
    assert.deepEqual(pool.take(2), first)
    assert.deepEqual(pool.take(0), [])
  })

  test('that jobs of a former process have are not given again until these have ended', () => {
    const pool = createGpuPool(GPUS)
    const reserved = new Set(['nvidia:0'])
    assert.deepEqual(pool.take(1, reserved).map(gpuName), ['nvidia:1'])
    assert.throws(() => pool.take(2, reserved), scarce)
    const claimed = pool.claim(['nvidia:0', 'nvidia:9'])
    assert.deepEqual(claimed.map(gpuName), ['nvidia:0'])
    assert.throws(() => pool.take(2), scarce)
    pool.giveBack(claimed)
    assert.deepEqual(pool.take(2).map(gpuName).toSorted(), ['amd:0', 'nvidia:0'])
  })
})

describe('a container gets', () => {
  test("NVIDIA's devices by their numbers", async () => {
    assert.deepEqual(await gpuDevices(GPUS.slice(0, 2)), {
      DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: ['0', '1'], Capabilities: [['gpu']] }],
    })
    assert.deepEqual(await gpuDevices([]), {})
  })

  test("the others' by their device files, or says that there are none", async (t) => {
    const folder = await realpath(await mkdtemp(path.join(tmpdir(), 'bacalhau-gpus-')))
    t.after(() => rm(folder, { recursive: true, force: true }))
    await assert.rejects(gpuDevices([gpu('intel', 4)], folder), scarce)
    for (const kind of ['card', 'render']) {
      await writeFile(path.join(folder, kind), '')
      await symlink(kind, path.join(folder, `pci-0000:04:00.0-${kind}`))
    }
    const files = ['card', 'render'].map((kind) => path.join(folder, kind))
    const named = async (vendor: Gpu['vendor']) => {
      const { Devices = [] } = await gpuDevices([gpu(vendor, 4)], folder)
      return (Devices as { PathOnHost: string }[]).map(({ PathOnHost }) => PathOnHost).toSorted()
    }
    assert.deepEqual(await named('intel'), files)
    assert.deepEqual(await named('amd'), ['/dev/kfd', ...files])
  })
})
