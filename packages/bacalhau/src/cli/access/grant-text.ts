import type { ClientKeyInfo, TokenInfo } from '@bacalhau/models'
import { column, type TableColumn } from '../present-table.ts'
import { plainLine } from '../terminal/plain.ts'

type Granted = Pick<TokenInfo | ClientKeyInfo, 'Name' | 'Scope' | 'Namespaces' | 'CreatedAt'>

export const namespacesText = ({ Namespaces }: Pick<Granted, 'Namespaces'>): string =>
  Namespaces === undefined ? 'all' : plainLine(Namespaces.join(', '))

/** What tables of tokens and of client keys have in common. */
export const grantColumns: readonly TableColumn<Granted>[] = [
  column('NAME', ({ Name }) => plainLine(Name)),
  column('SCOPE', ({ Scope }) => Scope),
  column('NAMESPACES', namespacesText),
  column('CREATED', ({ CreatedAt }, look) => look.time(Date.parse(CreatedAt))),
]
