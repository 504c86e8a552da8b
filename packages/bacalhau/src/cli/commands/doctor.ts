import type { doctorFlags } from '../catalogue/experience.ts'
import type { Invocation } from '../command.ts'
import { examine } from '../doctor/examine.ts'
import { presentFindings } from '../doctor/present-findings.ts'

export async function run({ flags, io, signal }: Invocation<typeof doctorFlags>): Promise<number> {
  return presentFindings(io, flags, await examine(io, flags, signal))
}
