import { execFileSync, spawnSync } from 'node:child_process'
import process from 'node:process'

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

const run = (...command: string[]) => void execFileSync(command[0] ?? '', command.slice(1), { stdio: 'pipe' })

/** Why no such networks can be made here; undefined if they can. */
export function whyNoLab(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are a matter of Linux'
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const name = `bh${process.pid}probe`
  const tried = spawnSync('sh', ['-c', `ip netns add ${name} && ip netns exec ${name} iptables -t nat -L -n`])
  spawnSync('ip', ['netns', 'del', name])
  if (tried.error === undefined && tried.status === 0) return undefined
  return `network namespaces with NAT are not to be had here: ${String(tried.stderr).trim() || tried.error?.message}`
}

/**
 * Networks of namespaces: one in the middle stands for the internet and forwards between links with public addresses. What a
 * process has made carries its number in its name, and is removed when the process ends, however it does.
 */
export function createLab(): NetworkLab {
  const prefix = `bh${process.pid}`
  const names: string[] = []
  const remove = () => {
    for (const name of names.splice(0)) spawnSync('ip', ['netns', 'del', name])
  }
  process.once('exit', remove)

  function namespace(suffix: string): string {
    const name = `${prefix}${suffix}`
    run('ip', 'netns', 'add', name)
    names.push(name)
    run('ip', '-n', name, 'link', 'set', 'lo', 'up')
    return name
  }

  /** A cable between two namespaces, each end with an address; the first is the gateway of the second. */
  function cable(near: string, far: string, label: string, [nearAddress, farAddress]: readonly [string, string]): void {
    const [a, b] = [`${label}a`, `${label}b`]
    run('ip', '-n', near, 'link', 'add', a, 'type', 'veth', 'peer', 'name', b, 'netns', far)
    run('ip', '-n', near, 'addr', 'add', `${nearAddress}/24`, 'dev', a)
    run('ip', '-n', far, 'addr', 'add', `${farAddress}/24`, 'dev', b)
    run('ip', '-n', near, 'link', 'set', a, 'up')
    run('ip', '-n', far, 'link', 'set', b, 'up')
    run('ip', '-n', far, 'route', 'add', 'default', 'via', nearAddress)
  }

  function cable6(near: string, far: string, label: string, network: string): void {
    run('ip', '-n', near, 'addr', 'add', `${network}1/64`, 'dev', `${label}a`, 'nodad')
    run('ip', '-n', far, 'addr', 'add', `${network}2/64`, 'dev', `${label}b`, 'nodad')
    run('ip', '-n', far, '-6', 'route', 'add', 'default', 'via', `${network}1`)
  }

  const inside = (name: string, ...command: string[]) => run('ip', 'netns', 'exec', name, ...command)
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
