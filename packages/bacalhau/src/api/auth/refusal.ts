import { BacalhauError } from '../../runtime/error.ts'

/** Why a caller is not let in: nobody knows them (401), they may not (403), or not now (429). */
export interface Refusal {
  readonly code: 'Unauthorized' | 'Forbidden' | 'TooManyRequests'
  readonly reason: string
  readonly hint: string
}

const CREDENTIAL_HINT =
  'Call from the machine itself (127.0.0.1), send `Authorization: Bearer <token>` (BACALHAU_API_KEY), or run `bacalhau auth login`.'

export const refuse = (code: Refusal['code'], reason: string, hint = CREDENTIAL_HINT): Refusal => ({
  code,
  reason,
  hint,
})

/** As documented, but for the last one. */
const MESSAGES: Readonly<Record<Refusal['code'], string>> = {
  Unauthorized: 'Request Unauthorized',
  Forbidden: 'Request Forbidden',
  TooManyRequests: 'Too Many Requests',
}

/** The error that answers a refused request. */
export function refusalError({ code, reason, hint }: Refusal): BacalhauError {
  return new BacalhauError(code, MESSAGES[code], { component: 'Authorizer', hint, details: { reason } })
}
