/** Why a job or an execution failed, as it is shown on its record. */
export interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

/** The details that the records and events of a failure carry. */
export function failureDetails({ code, hint }: Failure): Record<string, string> {
  return { ErrorCode: code, IsError: 'true', ...(hint === undefined ? {} : { Hint: hint }) }
}
