import type { AgedFacts, Stock } from './stock.ts'

/** Bytes of facts in one message, about. */
const PACKET = 128 * 1024

/** What one neighbour is still to be sent. */
export interface Outlet {
  readonly peerId: string
  /** It lacks what is known of `author`. */
  lacks(author: string): void
  has(author: string): void
  /** Sends what it lacks, unless that is under way. Resolves when there is nothing more to send. */
  push(): Promise<void>
}

type Send = (facts: AgedFacts[]) => Promise<void>

function createOutlet(peerId: string, stock: Stock, send: Send): Outlet {
  const lacking = new Set<string>()
  let sending: Promise<void> | undefined

  async function drain(): Promise<void> {
    while (lacking.size > 0) await send(packet())
  }

  function packet(): AgedFacts[] {
    const authors: string[] = []
    let bytes = 0
    for (const author of lacking) {
      if (bytes > PACKET) break
      lacking.delete(author)
      authors.push(author)
      bytes += (stock.get(author)?.data.length ?? 0) + 1_024
    }
    return stock.withAge(authors)
  }

  return {
    peerId,
    lacks: (author) => void lacking.add(author),
    has: (author) => void lacking.delete(author),
    push() {
      if (lacking.size === 0) return sending ?? Promise.resolve()
      sending ??= drain().finally(() => (sending = undefined))
      return sending
    },
  }
}

/** Those of all neighbours. */
export interface Outlets {
  add(peerId: string, send: Send): Outlet
  remove(outlet: Outlet): void
  /** All lack what is known of `author`, except itself and the one that it came from. */
  lack(author: string, from?: Outlet): void
  /** Sends to a neighbour what is newer than what it has, by author. */
  compare(outlet: Outlet, has: ReadonlyMap<string, number>): void
  push(): Promise<void>
  clear(): void
}

export function createOutlets(stock: Stock): Outlets {
  const outlets = new Set<Outlet>()

  async function push(outlet: Outlet): Promise<void> {
    // Whoever holds the stream sees that it failed, too.
    await outlet.push().catch(() => outlets.delete(outlet))
  }

  return {
    add(peerId, send) {
      const outlet = createOutlet(peerId, stock, send)
      outlets.add(outlet)
      return outlet
    },
    remove: (outlet) => void outlets.delete(outlet),
    lack(author, from) {
      for (const outlet of outlets) if (outlet !== from && outlet.peerId !== author) outlet.lacks(author)
    },
    compare(outlet, has) {
      for (const { author, sequence } of stock.all()) {
        if ((has.get(author) ?? -1) < sequence) outlet.lacks(author)
        else outlet.has(author)
      }
      void push(outlet)
    },
    async push() {
      await Promise.all(Array.from(outlets, push))
    },
    clear: () => outlets.clear(),
  }
}
