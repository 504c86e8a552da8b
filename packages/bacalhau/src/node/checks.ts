import type { Check } from '../api/health/routes.ts'
import type { MeasuredStore } from '../store/measured.ts'
import type { ComputeRole } from './compute-role.ts'
import type { NodeConfig } from './config.ts'

/** What a node needs in order to do its work, and whether it has it. */
export function checkNode(
  store: Pick<MeasuredStore, 'trouble'>,
  { roles }: Pick<NodeConfig, 'roles'>,
  { compute }: { readonly compute: Pick<ComputeRole, 'links'> | undefined },
): Check[] {
  const { trouble } = store
  const checks: Check[] = [
    { Name: 'store', OK: trouble === undefined, ...(trouble === undefined ? {} : { Message: trouble }) },
  ]
  // A node that only computes is of use when somebody gives it work.
  if (roles.orchestrator || compute === undefined) return checks
  const linked = compute.links.linked().length
  const Message = linked === 0 ? 'linked to no orchestrator; see --peer' : `linked to ${linked}`
  return [...checks, { Name: 'orchestrator', OK: linked > 0, Message }]
}
