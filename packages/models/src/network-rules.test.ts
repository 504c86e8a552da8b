import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { accepted, jobWith, onlyTask, refused } from '../test/samples.ts'
import { parseSubmission } from './submission.ts'

const parse = (Network: unknown) => parseSubmission(jobWith({ Network }))
const rejects = (network: unknown, ...problems: string[]) =>
  assert.deepEqual(
    refused(parse(network)),
    problems.map((problem) => `Tasks[0].Network${problem}`),
  )

describe('network type', () => {
  test('is Default where nothing is said, and matches in any case', () => {
    for (const network of [null, {}, { Type: null }]) {
      assert.deepEqual(onlyTask(accepted(parse(network))).Network, { Type: 'Default' })
    }
    for (const Type of ['none', 'HOST', 'full', 'http', 'bridge']) assert.ok(parse({ Type }).ok, Type)
  })

  test('that is empty or unknown is refused', () => {
    const known = 'Default, None, Host, Full, HTTP, Bridge'
    rejects({ Type: '' }, `.Type: '' is not one of ${known}`)
    rejects({ Type: 'Brigde' }, `.Type: 'Brigde' is not one of ${known} (did you mean 'Bridge'?)`)
  })
})

describe('domains', () => {
  test('belong to HTTP', () => {
    rejects({ Type: 'Host', Domains: ['example.com'] }, ': domains can only be set for HTTP network mode')
    assert.ok(parse({ Type: 'None', Domains: [] }).ok)
  })

  test('are trimmed and in lower case', () => {
    const { Network } = onlyTask(accepted(parse({ Type: 'http', Domains: [' Example.COM '] })))
    assert.deepEqual(Network, { Type: 'HTTP', Domains: ['example.com'] })
  })

  test('are host names, wildcards or addresses', () => {
    const good = ['example.com', 'localhost', '*.example.com', '.example.com', 'a-b.c', 'xn--bcher-kva.example', '1.a']
    for (const domain of [...good, '192.0.2.1', '2001:db8::1', '::1', `${'a'.repeat(63)}.com`]) {
      assert.ok(parse({ Type: 'HTTP', Domains: [domain] }).ok, domain)
    }
  })

  test('point 31: of any other form are refused', () => {
    const bad = [
      '',
      '.',
      'a..b',
      'a.',
      '-a',
      'a-',
      '*',
      '*.*.a',
      'a b',
      'a/b',
      'http://a',
      'a:80',
      '[::1]',
      ':::',
      'bücher',
    ]
    for (const domain of [...bad, '1.2.3', '192.0.2.256', `${'a'.repeat(64)}.com`, 'a\nb']) {
      rejects(
        { Type: 'HTTP', Domains: [domain] },
        `: invalid domain "${domain.slice(0, 64)}${domain.length > 64 ? '…' : ''}": it is to be like example.com, *.example.com, or 203.0.113.7`,
      )
    }
  })

  test('that are hostile take no time', () => {
    const Domains = Array.from({ length: 1_000 }, () => `${'a.'.repeat(125)}-`)
    assert.equal(refused(parse({ Type: 'HTTP', Domains })).length, 1_000)
  })
})

describe('ports', () => {
  const ports = (Type: string, ...Ports: object[]) => ({ Type, Ports })

  test('belong to Host and Bridge', () => {
    for (const Type of ['Host', 'Full', 'Bridge']) assert.ok(parse(ports(Type, { Name: 'http' })).ok, Type)
    for (const Type of ['Default', 'None', 'HTTP']) {
      rejects(ports(Type, { Name: 'http' }), ': ports can only be set for Host or Bridge network modes')
    }
  })

  test('have names for environment variables', () => {
    for (const Name of ['http', '_a', 'A1_b', 'x'.repeat(237)]) assert.ok(parse(ports('Host', { Name })).ok, Name)
    rejects(ports('Host', {}), '.Ports[0].Name: port mapping name is required')
    rejects(ports('Host', { Name: 'x'.repeat(238) }), '.Ports[0].Name: longer than 237 characters')
    for (const Name of ['1a', 'a-b', 'a b', 'ä', 'a\n']) {
      rejects(ports('Host', { Name }), '.Ports[0].Name: port mapping name must match [A-Za-z_][A-Za-z0-9_]*')
    }
  })

  test('are within bounds, and not privileged', () => {
    for (const Static of [0, 1_024, 65_535]) assert.ok(parse(ports('Host', { Name: 'a', Static })).ok, String(Static))
    rejects(
      ports('Host', { Name: 'a', Static: 1_023 }),
      '.Ports[0]: static port 1023 is in privileged port range (1-1023)',
    )
    rejects(ports('Host', { Name: 'a', Static: 65_536 }), '.Ports[0].Static: must be <= 65535')
    rejects(ports('Bridge', { Name: 'a', Target: -1 }), '.Ports[0].Target: invalid target port -1')
  })

  test('have a target only on a bridge', () => {
    assert.ok(parse(ports('Bridge', { Name: 'a', Target: 80 })).ok)
    rejects(ports('Host', { Name: 'a', Target: 80 }), '.Ports[0]: target ports cannot be set for Host network mode')
  })

  test('are unlike each other', () => {
    const twice = { Name: 'a', Static: 8_080, Target: 80 }
    rejects(
      ports('Bridge', twice, twice),
      '.Ports[1]: duplicate port mapping name "a"',
      '.Ports[1]: duplicate static port 8080',
      '.Ports[1]: duplicate target port 80',
    )
    assert.ok(parse(ports('Bridge', { Name: 'a' }, { Name: 'b', Static: 0 })).ok)
  })

  test('listen on an address', () => {
    for (const HostNetwork of ['0.0.0.0', '127.0.0.1', '::'])
      assert.ok(parse(ports('Host', { Name: 'a', HostNetwork })).ok)
    rejects(
      ports('Host', { Name: 'a', HostNetwork: 'lo' }),
      '.Ports[0].HostNetwork: invalid host network IP address: lo',
    )
  })
})
