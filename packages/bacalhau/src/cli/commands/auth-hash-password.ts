import { BacalhauError } from '../../runtime/error.ts'
import type { authHashPasswordFlags } from '../catalogue/auth.ts'
import type { Invocation } from '../command.ts'
import { present } from '../present.ts'
import { readPassword } from '../access/password.ts'

/** Rounds of bcrypt, as a power of two: a tenth of a second. */
const COST = 10

export async function run({ flags, io, signal }: Invocation<typeof authHashPasswordFlags>): Promise<number> {
  const password = await readPassword(io, signal)
  const { hash, truncates } = await import('bcryptjs')
  if (password.length < 10) throw tooShort()
  if (truncates(password)) {
    throw new BacalhauError('ValidationError', 'bcrypt takes no more than 72 bytes of a password', {
      hint: 'Choose a shorter one, or use an APIKey.',
    })
  }
  const Hash = await hash(password, COST)
  await present(io, flags, { Hash }, () => `${Hash}\n`)
  return 0
}

const tooShort = () => new BacalhauError('ValidationError', 'a password must have 10 to 255 characters')
