import type { Style } from '../terminal/style.ts'
import { formatFields, indented } from '../terminal/table.ts'
import type { Stack, StackNode } from './start-stack.ts'

/** Variables that point commands, and programs that use the SDK, at the first orchestrator. */
export function environmentOf({ nodes }: Pick<Stack, 'nodes'>): readonly (readonly [name: string, value: string])[] {
  const first = nodes.find(({ orchestrates }) => orchestrates)
  if (first === undefined) return []
  const { hostname, port } = new URL(first.apiUrl)
  return [
    ['BACALHAU_API_HOST', hostname],
    ['BACALHAU_API_PORT', port],
  ]
}

export const exportLines = (stack: Pick<Stack, 'nodes'>): string =>
  environmentOf(stack)
    .map(([name, value]) => `export ${name}=${value}\n`)
    .join('')

/** What is running and how to use it. */
export function stackText(stack: Pick<Stack, 'nodes'>, folder: string, keeps: boolean, style: Style): string {
  const { nodes } = stack
  const fields = nodes.map(({ name, apiUrl, peerId }: StackNode) => [name, `${apiUrl}  ${peerId}`] as const)
  return [
    `${style.bold('devstack')} is running: ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'} on this machine.\n\n`,
    indented(formatFields(fields)),
    `\n${style.dim('To use it from another terminal')}\n`,
    indented(exportLines(stack)),
    `\n${style.dim('Data')}\n  ${folder}${keeps ? '' : ' (removed at the end)'}\n`,
    `\nCtrl-C stops it.\n`,
  ].join('')
}
