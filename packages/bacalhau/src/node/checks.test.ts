import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkNode } from './checks.ts'

const links = (linked: string[]) => ({
  links: { linked: () => linked, connected() {}, disconnected() {}, async stop() {} },
})
const named = (checks: ReturnType<typeof checkNode>) => checks.map(({ Name, OK }) => `${Name} ${OK}`)

test('a store that cannot be written is told', () => {
  const both = { roles: { orchestrator: true, compute: true } }
  assert.deepEqual(checkNode({ trouble: undefined }, both, { compute: links([]) }), [{ Name: 'store', OK: true }])
  assert.deepEqual(checkNode({ trouble: 'full' }, both, { compute: undefined }), [
    { Name: 'store', OK: false, Message: 'full' },
  ])
})

test('a node that only computes needs somebody who gives it work', () => {
  const computes = { roles: { orchestrator: false, compute: true } }
  const store = { trouble: undefined }
  assert.deepEqual(named(checkNode(store, computes, { compute: links([]) })), ['store true', 'orchestrator false'])
  assert.deepEqual(named(checkNode(store, computes, { compute: links(['Qm']) })), ['store true', 'orchestrator true'])
})
