import { createNamespaces, must, whyNoNamespaces } from '../namespaces.ts'

/**
 * How a router treats what comes from outside, and what it makes of the ports of what goes out:
 * `open`: there is no router, the machine has a public address;
 * `full-cone`: one outside port for each inside port, everyone may send to it;
 * `port-restricted`: the same, but only those may send that have been sent to, from exactly there;
 * `symmetric`: another outside port for each peer, and closed like the one before.
 */
export type NatKind = 'open' | 'full-cone' | 'port-restricted' | 'symmetric'

/** A machine in a network of its own. */
export interface Machine {
  /** The address that it has itself. */
  readonly address: string
  /** The address that others see. */
  readonly outside: string
  /** Of a machine with a public address: its address of IPv6. */
  readonly outside6: string | undefined
  /** Put before a command to run it there. */
  readonly through: readonly string[]
  /** Cuts the machine off, both ways, without a word to anyone. */
  cut(): void
  mend(): void
}

export interface NetworkLab {
  machine(kind: NatKind): Machine
  /** Takes away everything that was made. */
  remove(): void
}

/** Why no such networks can be made here; undefined if they can. */
export const whyNoLab = (): string | undefined => whyNoNamespaces('iptables', '-t', 'nat', '-L', '-n')

/** Networks of namespaces: one in the middle stands for the internet and forwards between links with public addresses. */
export function createLab(): NetworkLab {
  const { add: namespace, remove } = createNamespaces()

  /** A cable between two namespaces, each end with an address; the first is the gateway of the second. */
  function cable(near: string, far: string, label: string, [nearAddress, farAddress]: readonly [string, string]): void {
    const [a, b] = [`${label}a`, `${label}b`]
    must('ip', '-n', near, 'link', 'add', a, 'type', 'veth', 'peer', 'name', b, 'netns', far)
    must('ip', '-n', near, 'addr', 'add', `${nearAddress}/24`, 'dev', a)
    must('ip', '-n', far, 'addr', 'add', `${farAddress}/24`, 'dev', b)
    must('ip', '-n', near, 'link', 'set', a, 'up')
    must('ip', '-n', far, 'link', 'set', b, 'up')
    must('ip', '-n', far, 'route', 'add', 'default', 'via', nearAddress)
  }

  function cable6(near: string, far: string, label: string, network: string): void {
    must('ip', '-n', near, 'addr', 'add', `${network}1/64`, 'dev', `${label}a`, 'nodad')
    must('ip', '-n', far, 'addr', 'add', `${network}2/64`, 'dev', `${label}b`, 'nodad')
    must('ip', '-n', far, '-6', 'route', 'add', 'default', 'via', `${network}1`)
  }

  const inside = (name: string, ...command: string[]) => must('ip', 'netns', 'exec', name, ...command)
  const forwarding = (name: string) =>
    inside(name, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding')

  const hub = namespace('hub')
  forwarding(hub)
  let count = 0

  function machine(kind: NatKind): Machine {
    const number = ++count
    // Addresses that count as public; nothing that is sent to them leaves the machine.
    const outside = `45.0.${number}.2`
    const host = namespace(`m${number}`)
    const link = `w${number}`
    if (kind === 'open') {
      cable(hub, host, link, [`45.0.${number}.1`, outside])
      cable6(hub, host, link, `2a0e:${number}::`)
    } else {
      const router = namespace(`r${number}`)
      forwarding(router)
      cable(hub, router, link, [`45.0.${number}.1`, outside])
      cable(router, host, `l${number}`, [`10.0.${number}.1`, `10.0.${number}.2`])
      translate(router, `${link}b`, kind, `10.0.${number}.2`)
    }
    const drop = (how: '-I' | '-D') => {
      for (const way of ['-i', '-o']) inside(hub, 'iptables', how, 'FORWARD', way, `${link}a`, '-j', 'DROP')
    }
    return {
      address: kind === 'open' ? outside : `10.0.${number}.2`,
      outside,
      outside6: kind === 'open' ? `2a0e:${number}::2` : undefined,
      through: ['ip', 'netns', 'exec', host],
      cut: () => drop('-I'),
      mend: () => drop('-D'),
    }
  }

  function translate(router: string, wan: string, kind: NatKind, host: string): void {
    const table = (...rule: string[]) => inside(router, 'iptables', ...rule)
    const random = kind === 'symmetric' ? ['--random-fully'] : []
    table('-t', 'nat', '-A', 'POSTROUTING', '-o', wan, '-p', 'tcp', '-j', 'MASQUERADE', ...random)
    // A router that answers strangers with a reset would end what is being dialled from both sides.
    table('-A', 'INPUT', '-i', wan, '-p', 'tcp', '-j', 'DROP')
    if (kind === 'full-cone') table('-t', 'nat', '-A', 'PREROUTING', '-i', wan, '-p', 'tcp', '-j', 'DNAT', '--to', host)
  }

  return { machine, remove }
}
