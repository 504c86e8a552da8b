import { systemClock } from '../../runtime/clock.ts'
import { executorCompliance } from '../compliance.ts'
import { createNoopExecutor } from './executor.ts'

executorCompliance({
  engine: 'noop',
  create: () => createNoopExecutor({ clock: systemClock }),
  succeed: { params: {} },
  endless: { params: { DelayMs: 1e9 } },
  invalid: { DelayMs: 'soon' },
})
