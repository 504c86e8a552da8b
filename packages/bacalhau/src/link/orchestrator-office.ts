import type { OfficeOptions, OrchestratorHandler, OrchestratorOffice } from './post-office.ts'

export interface OrchestratorOfficeOptions extends OfficeOptions {
  readonly handler: OrchestratorHandler
}

export declare function createOrchestratorOffice(options: OrchestratorOfficeOptions): Promise<OrchestratorOffice>
