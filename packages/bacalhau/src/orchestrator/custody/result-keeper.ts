/** Holds content for as long as somebody's name is on it. */
export interface ResultKeeper {
  /**
   * Makes sure that all of `cid` is on this node and keeps it under `name`, beside what is kept under that name already. The peer
   * `from` is said to have it. Resolves when that is durable. Throws `ContentTooLarge` for more than `maxBytes`, and anything
   * else where another try may help.
   */
  keep(
    cid: string,
    from: string,
    name: string,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<{ readonly bytes: number }>
  /** Lets go of everything under `name`. */
  release(name: string): Promise<void>
}
