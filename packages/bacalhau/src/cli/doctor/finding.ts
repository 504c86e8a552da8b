/** What one check has found, and what to do about it. */
export interface Finding {
  /** What was looked at, in one or two words. */
  readonly check: string
  /** `warn`: works, but something may be missing. `fail`: does not work. */
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  readonly hint?: string
}

const finding =
  (status: Finding['status']) =>
  (check: string, message: string, hint?: string): Finding => ({
    check,
    status,
    message,
    ...(hint === undefined ? {} : { hint }),
  })

export const ok = finding('ok')
export const warn = finding('warn')
export const fail = finding('fail')
