import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { createPorts } from './ports.ts'

describe('ports of containers', () => {
  test('are given in turn, told to the job, and given back', async () => {
    const busy = new Set([20_001])
    const ports = createPorts({ isFree: async (port) => !busy.has(port) })
    const first = await ports.plan({
      Type: 'Bridge',
      Ports: [
        { Name: 'web', Target: 80 },
        { Name: 'own', HostNetwork: '127.0.0.1' },
        { Name: 'fixed', Static: 9_000, Target: 90 },
      ],
    })
    assert.deepEqual(first, {
      mode: 'bridge',
      bindings: {
        '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '20000' }],
        '20002/tcp': [{ HostIp: '127.0.0.1', HostPort: '20002' }],
        '90/tcp': [{ HostIp: '0.0.0.0', HostPort: '9000' }],
      },
      env: {
        BACALHAU_HOST_PORT_web: '20000',
        BACALHAU_PORT_web: '80',
        BACALHAU_HOST_PORT_own: '20002',
        BACALHAU_PORT_own: '20002',
        BACALHAU_HOST_PORT_fixed: '9000',
        BACALHAU_PORT_fixed: '90',
      },
      held: [20_000, 20_002, 9_000],
    })
    const taken = ports.plan({ Type: 'Bridge', Ports: [{ Name: 'a' }, { Name: 'fixed', Static: 9_000 }] })
    await assert.rejects(taken, { code: 'Conflict', message: /port 9000 is already in use/ })
    ports.giveBack(first)
    const again = await ports.plan({ Type: 'Host', Ports: [{ Name: 'fixed', Static: 9_000 }] })
    assert.deepEqual([again.mode, again.bindings, again.env['BACALHAU_PORT_fixed']], ['host', {}, '9000'])
  })

  test('are none where there is no network', async () => {
    for (const Type of ['None', 'Default'] as const) assert.equal((await createPorts().plan({ Type })).mode, 'none')
  })

  test('run out with a word', async () => {
    const plan = createPorts({ isFree: async () => false }).plan({ Type: 'Bridge', Ports: [{ Name: 'a' }] })
    await assert.rejects(plan, { code: 'Conflict', message: 'no available ports in range 20000-32000' })
  })

  test('that somebody else listens on are not given', async (t) => {
    const server = createServer()
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const address = server.address()
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0
    const plan = createPorts().plan({ Type: 'Bridge', Ports: [{ Name: 'a', Static: port, HostNetwork: '127.0.0.1' }] })
    await assert.rejects(plan, { code: 'Conflict' })
  })
})
