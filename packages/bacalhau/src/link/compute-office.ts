import type { NodeInfo } from '@bacalhau/models'
import type { ComputeHandler, ComputeOffice, OfficeOptions } from './post-office.ts'

export interface ComputeOfficeOptions extends OfficeOptions {
  readonly joinToken?: string
  /** This node's description, taken anew whenever it is sent. */
  readonly node: () => NodeInfo
  readonly handler: ComputeHandler
}

export declare function createComputeOffice(options: ComputeOfficeOptions): Promise<ComputeOffice>
