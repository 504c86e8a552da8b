import type { Scope } from '@bacalhau/models'
import type { Need } from '../http/route.ts'

const CAPABILITIES_OF: Readonly<Record<Scope, readonly string[]>> = {
  read: ['read:*'],
  submit: ['read:*', 'write:job'],
  manage: ['*'],
}
/** Whoever is let into some namespaces is not shown what is about all of them: settings, figures, pins. */
const CAPABILITIES_WITHIN: Readonly<Record<Scope, readonly string[]>> = {
  read: ['read:job', 'read:node'],
  submit: ['read:job', 'read:node', 'write:job'],
  manage: [],
}

/** What a scope allows. */
export const capabilitiesOf = (scope: Scope, namespaces?: readonly string[]): readonly string[] =>
  (namespaces === undefined ? CAPABILITIES_OF : CAPABILITIES_WITHIN)[scope]

/** Does one of `capabilities` meet `need`? Writing does not imply reading. */
export function grants(capabilities: readonly string[], need: Need): boolean {
  if (need === 'public' || capabilities.includes('*')) return true
  if (need === 'admin') return capabilities.includes('admin')
  const [verb = '', subject = ''] = need.split(':')
  return wanted(verb, subject).some((capability) => capabilities.includes(capability))
}

/** The capabilities that each meet a need. The documented ones know no data: it is part of what jobs are about. */
function wanted(verb: string, subject: string): string[] {
  const subjects = [subject, '*', ...(subject === 'data' ? ['job'] : [])]
  return subjects.flatMap((each) => [`${verb}:${each}`, `*:${each}`])
}
