import { z } from 'zod'
import type { NetworkSpec } from './job-spec.ts'
import { excerpt, type Problem } from './problem.ts'

/** Rules of a task's network that span several fields. */
export function checkNetwork({ Type, Domains = [], Ports = [] }: NetworkSpec, path: string): Problem[] {
  const messages = Domains.filter((domain) => !isDomain(domain)).map(
    (domain) => `invalid domain "${excerpt(domain)}": it is to be like example.com, *.example.com, or 203.0.113.7`,
  )
  if (Domains.length > 0 && Type !== 'HTTP') messages.push('domains can only be set for HTTP network mode')
  if (Ports.length > 0 && !['Host', 'Full', 'Bridge'].includes(Type)) {
    messages.push('ports can only be set for Host or Bridge network modes')
  }
  return [...messages.map((message) => ({ path, message })), ...checkPorts(Type, Ports, path)]
}

type Ports = NonNullable<NetworkSpec['Ports']>

function checkPorts(type: NetworkSpec['Type'], ports: Ports, path: string): Problem[] {
  const problems: Problem[] = []
  const [names, statics, targets] = [new Set<string>(), new Set<number>(), new Set<number>()]
  for (const [index, { Name, Static = 0, Target = 0 }] of ports.entries()) {
    const fail = (message: string) => problems.push({ path: `${path}.Ports[${index}]`, message })
    if (Static > 0 && Static < 1_024) fail(`static port ${Static} is in privileged port range (1-1023)`)
    if (Target > 0 && type !== 'Bridge') fail('target ports cannot be set for Host network mode')
    if (names.has(Name)) fail(`duplicate port mapping name "${Name}"`)
    if (Static > 0 && statics.has(Static)) fail(`duplicate static port ${Static}`)
    if (Target > 0 && targets.has(Target)) fail(`duplicate target port ${Target}`)
    names.add(Name)
    statics.add(Static)
    targets.add(Target)
  }
  return problems
}

/** Labels of a host name; `*.` or `.` in front stands for any subdomain. */
const HOST_NAME = /^(?:\*?\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/
const address = z.union([z.ipv4(), z.ipv6()])

/** A host name or an IP address. What looks like an address (`1.2.3`, `::1`) has to be one. */
function isDomain(domain: string): boolean {
  return /^[\d.]+$/.test(domain) || domain.includes(':') ? address.safeParse(domain).success : HOST_NAME.test(domain)
}
