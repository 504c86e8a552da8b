import { BacalhauError } from '../../runtime/error.ts'

/** Why a caller is not let in: nobody knows them (401), or they are known and may not (403). */
export interface Refusal {
  readonly code: 'Unauthorized' | 'Forbidden'
  readonly reason: string
  readonly hint: string
}

const CREDENTIAL_HINT = 'Call from the machine itself (127.0.0.1), or send `Authorization: Bearer <token>`.'

export const refuse = (code: Refusal['code'], reason: string, hint = CREDENTIAL_HINT): Refusal => ({
  code,
  reason,
  hint,
})

/** The error that answers a refused request. */
export function refusalError({ code, reason, hint }: Refusal): BacalhauError {
  const message = code === 'Unauthorized' ? 'Request Unauthorized' : 'Request Forbidden'
  return new BacalhauError(code, message, { component: 'Authorizer', hint, details: { reason } })
}
