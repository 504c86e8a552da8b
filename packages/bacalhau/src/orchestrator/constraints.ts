import type { Constraint } from '@bacalhau/models'

type Labels = Readonly<Record<string, string>>

/** Do `labels` satisfy `constraint`? The meaning of the operators is that of Kubernetes label selectors. */
export function satisfies(labels: Labels, { Key, Operator, Values = [] }: Constraint): boolean {
  const value = Object.hasOwn(labels, Key) ? labels[Key] : undefined
  const [first = ''] = Values
  switch (Operator) {
    case 'exists':
      return value !== undefined
    case '!':
      return value === undefined
    case 'in':
      return value !== undefined && Values.includes(value)
    case 'notin':
      return value === undefined || !Values.includes(value)
    case '=':
    case '==':
      return value === first
    case '!=':
      return value !== first
    case 'gt':
      return isWhole(value) && Number(value) > Number(first)
    case 'lt':
      return isWhole(value) && Number(value) < Number(first)
  }
}

const isWhole = (value: string | undefined): boolean => value !== undefined && /^-?\d+$/.test(value)

/** A constraint as a reader would write it: `region in (eu, us)`, `gpu exists`. */
export function describeConstraint({ Key, Operator, Values = [] }: Constraint): string {
  if (Operator === 'exists') return `${Key} exists`
  if (Operator === '!') return `no ${Key}`
  if (Operator === 'in' || Operator === 'notin') return `${Key} ${Operator} (${Values.join(', ')})`
  return `${Key} ${Operator} ${Values[0] ?? ''}`
}
