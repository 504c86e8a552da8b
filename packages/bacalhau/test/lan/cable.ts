import { createNamespaces, must, whyNoNamespaces } from '../namespaces.ts'

/** A machine in a network of its own, with one cable to the other one. */
export interface LanMachine {
  readonly address: string
  /** Put before a command to run it there. */
  readonly through: readonly string[]
}

/** Why no such network can be made here; undefined if it can. */
export const whyNoLan = (): string | undefined => whyNoNamespaces('ip', 'link')

/** Two machines and the cable between them: a local network that carries multicast, and that nothing leads out of. */
export function layCable(): { readonly machines: readonly [LanMachine, LanMachine]; remove(): void } {
  const { add, remove } = createNamespaces()
  const ends = [add('a'), add('b')] as const
  must('ip', '-n', ends[0], 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'lan', 'netns', ends[1])
  const machine = (index: 0 | 1): LanMachine => {
    const address = `192.168.77.${index + 1}`
    must('ip', '-n', ends[index], 'addr', 'add', `${address}/24`, 'dev', 'lan')
    must('ip', '-n', ends[index], 'link', 'set', 'lan', 'up')
    // Multicast leaves by the default route, as on every machine that has one.
    must('ip', '-n', ends[index], 'route', 'add', 'default', 'dev', 'lan')
    return { address, through: ['ip', 'netns', 'exec', ends[index]] }
  }
  return { machines: [machine(0), machine(1)], remove }
}
