import os, { type NetworkInterfaceInfo } from 'node:os'
import type { Clock } from '../../runtime/clock.ts'
import type { Stoppable } from '../../runtime/lifecycle.ts'

export interface ChangeWatchOptions {
  readonly clock: Clock
  /** The addresses of this machine have changed, or it has slept: connections may be dead without having ended. */
  readonly onChange: (what: 'network' | 'woke') => void
  readonly interfaces?: () => NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address'>[]>
}

/** Milliseconds between two looks, each of which takes some fifty microseconds. */
const LOOK = 2_000
/** The clock of the wall has gone on by so much more than a look: the machine has slept, or its clock was set. */
const SLEPT = 10_000

/** Looks for changed networks and for sleep. No event of the system tells of either without a native module. */
export function watchChanges({ clock, onChange, interfaces = os.networkInterfaces }: ChangeWatchOptions): Stoppable {
  const read = () =>
    Object.values(interfaces())
      .flatMap((list = []) => list.map(({ address }) => address))
      .toSorted()
      .join(' ')
  let addresses = read()
  let last = clock.now()
  const look = () => {
    const now = clock.now()
    const found = read()
    const woke = now - last > LOOK + SLEPT
    const moved = found !== addresses
    last = now
    addresses = found
    timer = clock.after(LOOK, look)
    if (moved) onChange('network')
    else if (woke) onChange('woke')
  }
  let timer = clock.after(LOOK, look)
  return {
    stop() {
      timer.cancel()
      return Promise.resolve()
    },
  }
}
