import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nodeInfoSchema } from '@bacalhau/models'
import { describeNode } from './describe.ts'

const compute = {
  capacity: { CPU: 4, Memory: 1_000, Disk: 2_000, GPU: 0 },
  gpus: [],
  free: { CPU: 1, Memory: 500, Disk: 1_000, GPU: 0 },
  running: 2,
  waiting: 1,
  offered: { engines: ['wasm'], publishers: ['ipfs'], sources: ['inline'] },
}

describe('description of a node', () => {
  test('says what programs of the Go era have to find', () => {
    const info = describeNode({ nodeId: 'QmA', name: 'harbour', labels: { zone: 'eu' }, compute })
    assert.deepEqual(nodeInfoSchema.parse(info), info)
    assert.deepEqual(Object.keys(info.Labels), ['name', 'os_type', 'os_arch', 'zone'])
    assert.match(info.BacalhauVersion.GitVersion, /^v\d+\.\d+\.\d+/)
    // Not a date of theirs, but one that they can read.
    assert.match(info.BacalhauVersion.BuildDate, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
    assert.equal(info.NodeType, 'Compute')
    assert.deepEqual([info.ComputeNodeInfo.RunningExecutions, info.ComputeNodeInfo.EnqueuedExecutions], [2, 1])
  })

  test('names its GPUs, as labels as well', () => {
    const gpu = { vendor: 'nvidia', index: 3, name: 'Tesla T4', memory: 15_360, pciAddress: '0000:00:1e.0' } as const
    const labels = { 'GPU-0-Memory': 'mine' }
    const info = describeNode({ nodeId: 'QmA', name: 'harbour', labels, compute: { ...compute, gpus: [gpu] } })
    assert.deepEqual(nodeInfoSchema.parse(info), info)
    assert.deepEqual(info.ComputeNodeInfo.MaxCapacity.GPUs, [
      { Index: 3, Name: 'Tesla T4', Vendor: 'NVIDIA', Memory: 15_360, PCIAddress: '0000:00:1e.0' },
    ])
    // What the operator says goes first.
    assert.deepEqual([info.Labels['GPU-0'], info.Labels['GPU-0-Memory']], ['Tesla-T4', 'mine'])
  })

  test('of an orchestrator alone offers nothing', () => {
    const { NodeType, ComputeNodeInfo } = describeNode({ nodeId: 'QmA', name: 'harbour', labels: {} })
    assert.equal(NodeType, 'Requester')
    assert.deepEqual(ComputeNodeInfo.ExecutionEngines, [])
    assert.equal(ComputeNodeInfo.MaxCapacity.CPU, 0)
  })
})
