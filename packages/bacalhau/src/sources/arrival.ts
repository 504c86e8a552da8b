/** How an input comes, as whoever waits for it hears it. */
export interface Arrival {
  /** So many bytes of it are going to be on the disk. Throws `DiskFull` when that is more than the execution may have there. */
  expect(bytes: number): void
  /** So many more of them have come; fewer than none when some have to come again. */
  came(bytes: number): void
}

/** Nobody listens. */
export const UNHEARD: Arrival = { expect: () => undefined, came: () => undefined }
