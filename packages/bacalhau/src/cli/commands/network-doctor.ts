import type { networkDoctorFlags } from '../catalogue/network.ts'
import type { Invocation } from '../command.ts'
import { connect } from '../connection.ts'
import { examineNetwork } from '../doctor/network.ts'
import { presentFindings } from '../doctor/present-findings.ts'

export async function run({ flags, io, signal }: Invocation<typeof networkDoctorFlags>): Promise<number> {
  const client = await connect(io, flags)
  const [network, peers] = await Promise.all([client.peers.network({ signal }), client.peers.list({ signal })])
  return presentFindings(io, flags, examineNetwork(network, peers, io.clock.now()))
}
