import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { within } from '../capacity.ts'
import { tempFolder } from '../fixtures/bench.ts'
import { cgroupLimits } from './cgroup.ts'

/** A file system with these files, as the kernel would show it. */
async function limitsWith(t: TestContext, files: Readonly<Record<string, string>>) {
  const root = await tempFolder(t)
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return cgroupLimits(root)
}

describe('limits of a control group', () => {
  test('in a container are those of its root', async (t) => {
    const limits = await limitsWith(t, {
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/cpu.max': '150000 100000\n',
      'sys/fs/cgroup/memory.max': '2147483648\n',
    })
    assert.deepEqual(limits, { cpu: 1.5, memory: 2 ** 31 })
  })

  test('are the tightest of those around it', async (t) => {
    const group = 'sys/fs/cgroup/system.slice/bacalhau.service'
    const limits = await limitsWith(t, {
      'proc/self/cgroup': '0::/system.slice/bacalhau.service\n',
      [`${group}/cpu.max`]: 'max 100000',
      [`${group}/memory.max`]: '8000',
      'sys/fs/cgroup/system.slice/cpu.max': '200000 100000',
      'sys/fs/cgroup/system.slice/memory.max': '9000',
    })
    assert.deepEqual(limits, { cpu: 2, memory: 8000 })
  })

  test('of version 1 are in a tree for each kind', async (t) => {
    const limits = await limitsWith(t, {
      'proc/self/cgroup': '12:cpu,cpuacct:/docker/c1\n7:memory:/docker/c1\n1:name=systemd:/docker/c1\n',
      'sys/fs/cgroup/cpu/docker/c1/cpu.cfs_quota_us': '50000',
      'sys/fs/cgroup/cpu/docker/c1/cpu.cfs_period_us': '100000',
      'sys/fs/cgroup/memory/docker/c1/memory.limit_in_bytes': '9223372036854771712',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '4096',
    })
    assert.deepEqual(limits, { cpu: 0.5, memory: 4096 })
  })

  test('are none where nobody sets any, or where nothing can be read', async (t) => {
    assert.deepEqual(await limitsWith(t, {}), {})
    const none = {
      'proc/self/cgroup': '0::/../x\n',
      'sys/fs/cgroup/x/cpu.max': 'max 100000',
      'sys/fs/cgroup/x/memory.max': 'max',
    }
    assert.deepEqual(await limitsWith(t, none), {})
    const odd = { 'proc/self/cgroup': 'odd\n0::/', 'sys/fs/cgroup/cpu.max': '5 0', 'sys/fs/cgroup/memory.max': '0' }
    assert.deepEqual(await limitsWith(t, odd), {})
  })
})

test('a container has what its group lets it use, and never more than the machine', () => {
  const machine = { CPU: 8, Memory: 1000, Disk: 5, GPU: 1 }
  assert.deepEqual(within({ cpu: 2.5, memory: 400 }, machine), { CPU: 2.5, Memory: 400, Disk: 5, GPU: 1 })
  assert.deepEqual(within({ cpu: 99, memory: 9999 }, machine), machine)
  assert.deepEqual(within({}, machine), machine)
})
