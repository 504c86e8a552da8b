/** A promise of the system that was broken in a simulated world. */
export class Violation extends Error {
  /** Its name stays the same whatever is involved: by it a failure is found again while it is shrunk. */
  readonly invariant: string

  constructor(invariant: string, details: string) {
    super(`${invariant}: ${details}`)
    this.name = 'Violation'
    this.invariant = invariant
  }
}
