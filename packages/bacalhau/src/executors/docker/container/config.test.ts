import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ExecutionRequest } from '../../executor.ts'
import type { EngineFacts } from '../engine/engine.ts'
import { parseDockerParams } from '../params.ts'
import { containerConfig, USUAL_HARDENING, type ContainerPlan } from './config.ts'
import { NO_NETWORK } from './ports.ts'

const facts: EngineFacts = {
  version: '20.10',
  os: 'linux',
  architecture: 'amd64',
  processors: 4,
  boundsDisk: false,
  isPodman: false,
  disk: '/dev/vda',
}
const request: ExecutionRequest = {
  executionId: 'e-1',
  jobId: 'j-1',
  params: {},
  env: { A: 'task', BACALHAU_JOB_ID: 'j-1' },
  mounts: [
    { hostPath: '/data/in:put', guestPath: '/inputs', readOnly: true },
    { hostPath: '/data/results', guestPath: '/outputs', readOnly: false },
  ],
  stdoutPath: '/o',
  stderrPath: '/e',
  limits: { memory: 100e6, cpu: 0.1, time: 0, output: 1, disk: 5_000, files: 1 },
}

type Config = { readonly HostConfig: Readonly<Record<string, unknown>> } & Readonly<Record<string, unknown>>

function configOf(plan: Partial<ContainerPlan> = {}, params: object = {}): Config {
  const parsed = parseDockerParams({ Image: 'busybox', ...params })
  const whole = {
    node: 'QmNode',
    facts,
    imageId: 'sha256:1',
    params: parsed,
    request,
    ports: NO_NETWORK,
    proxy: {},
    hardening: USUAL_HARDENING,
    gpus: {},
    gpuNames: [],
    ...plan,
  }
  return containerConfig(whole) as Config
}

describe('a container', () => {
  test('is bounded as the operator says (point 8)', () => {
    const seccomp = { file: '/etc/profile.json', profile: '{"defaultAction":"SCMP_ACT_ERRNO"}' }
    const hardening = { processes: 7, openFiles: 8, seccomp, runtime: 'runsc', diskRate: 9, grace: 0 }
    const { HostConfig } = configOf({ hardening })
    assert.deepEqual([HostConfig['PidsLimit'], HostConfig['Runtime']], [7, 'runsc'])
    assert.deepEqual(HostConfig['SecurityOpt'], ['no-new-privileges', `seccomp=${seccomp.profile}`])
    assert.deepEqual(HostConfig['Ulimits'], [
      { Name: 'core', Soft: 0, Hard: 0 },
      { Name: 'nofile', Soft: 8, Hard: 8 },
    ])
    const rate = [{ Path: '/dev/vda', Rate: 9 }]
    assert.deepEqual([HostConfig['BlkioDeviceReadBps'], HostConfig['BlkioDeviceWriteBps']], [rate, rate])
    const elsewhere = configOf({ hardening, facts: { ...facts, disk: undefined } })
    assert.equal(elsewhere.HostConfig['BlkioDeviceReadBps'], undefined)
    const podman = configOf({ hardening, facts: { ...facts, isPodman: true } })
    assert.deepEqual(podman.HostConfig['SecurityOpt'], ['no-new-privileges', 'seccomp=/etc/profile.json'])
    assert.deepEqual(podman.HostConfig['Ulimits'], [{ Name: 'nofile', Soft: 8, Hard: 8 }])
    const usual = configOf().HostConfig
    assert.deepEqual([usual['SecurityOpt'], usual['Runtime']], [['no-new-privileges'], undefined])
    assert.deepEqual(usual['Ulimits'], [{ Name: 'core', Soft: 0, Hard: 0 }])
  })

  test('may do nothing that it was not given', () => {
    const { HostConfig, NetworkDisabled, Tty, OpenStdin, Healthcheck } = configOf()
    assert.deepEqual(
      { NetworkDisabled, Tty, OpenStdin, Healthcheck },
      { NetworkDisabled: true, Tty: false, OpenStdin: false, Healthcheck: { Test: ['NONE'] } },
    )
    const { CapDrop, SecurityOpt, Privileged, IpcMode, PidsLimit, NetworkMode, AutoRemove, RestartPolicy } = HostConfig
    assert.deepEqual(
      [CapDrop, SecurityOpt, Privileged, IpcMode, PidsLimit],
      [['ALL'], ['no-new-privileges'], false, 'private', 4_096],
    )
    assert.deepEqual([NetworkMode, AutoRemove, RestartPolicy], ['none', false, { Name: 'no' }])
    // What would open it: none of these is ever sent.
    for (const key of [
      'Binds',
      'CapAdd',
      'PidMode',
      'UTSMode',
      'UsernsMode',
      'VolumesFrom',
      'Devices',
      'DeviceRequests',
      'ExtraHosts',
    ])
      assert.equal(key in HostConfig, false, key)
  })

  test('mounts its inputs read-only, whatever their path is, and no result folder', () => {
    assert.deepEqual(configOf().HostConfig['Mounts'], [
      {
        Type: 'bind',
        Source: '/data/in:put',
        Target: '/inputs',
        ReadOnly: true,
        BindOptions: { Propagation: 'rprivate' },
      },
    ])
  })

  test('has what the spec says of memory and processors, within what an engine takes', () => {
    const bounds = (limits: Partial<ExecutionRequest['limits']>) => {
      const { Memory, MemorySwap, NanoCpus } = configOf({
        request: { ...request, limits: { ...request.limits, ...limits } },
      }).HostConfig
      return [Memory, MemorySwap, NanoCpus]
    }
    assert.deepEqual(bounds({}), [100e6, 100e6, 100_000_000])
    assert.deepEqual(bounds({ memory: 1, cpu: 64 }), [6 << 20, 6 << 20, 4_000_000_000])
    assert.deepEqual(bounds({ memory: 0, cpu: 0.001 }), [0, 0, 10_000_000])
  })

  test('has its disk bounded where the engine can', () => {
    assert.equal(configOf().HostConfig['StorageOpt'], undefined)
    assert.deepEqual(configOf({ facts: { ...facts, boundsDisk: true } }).HostConfig['StorageOpt'], { size: '5000' })
  })

  test('finds the machine by name only where it has a network', () => {
    const ports = {
      mode: 'bridge' as const,
      bindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
      env: { BACALHAU_PORT_web: '80' },
      held: [],
    }
    const { HostConfig, ExposedPorts, Env, NetworkDisabled } = configOf({ ports })
    assert.deepEqual([ExposedPorts, NetworkDisabled], [{ '80/tcp': {} }, false])
    assert.deepEqual(
      [HostConfig['PortBindings'], HostConfig['ExtraHosts']],
      [ports.bindings, ['host.docker.internal:host-gateway']],
    )
    assert.deepEqual(Env, ['A=task', 'BACALHAU_JOB_ID=j-1', 'BACALHAU_PORT_web=80'])
  })

  test('is found again by its labels', () => {
    assert.deepEqual(configOf({ gpuNames: ['nvidia:2', 'amd:0'] })['Labels'], {
      'bacalhau.node': 'QmNode',
      'bacalhau.job': 'j-1',
      'bacalhau.execution': 'e-1',
      'bacalhau.gpus': 'nvidia:2,amd:0',
    })
  })

  test('runs the content of an image, with what the spec says instead of what the image says', () => {
    const { Image, Entrypoint, Cmd, WorkingDir, User, Env } = configOf(
      {},
      {
        Entrypoint: ['a'],
        Parameters: ['b'],
        WorkingDirectory: '/w',
        User: '1',
        EnvironmentVariables: ['A=engine'],
      },
    )
    assert.deepEqual([Image, Entrypoint, Cmd, WorkingDir, User], ['sha256:1', ['a'], ['b'], '/w', '1'])
    assert.deepEqual(Env, ['A=engine', 'BACALHAU_JOB_ID=j-1'])
    for (const key of ['Entrypoint', 'Cmd', 'WorkingDir', 'User']) assert.equal(key in configOf(), false, key)
  })
})
