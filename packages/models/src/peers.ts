import { z } from 'zod'
import { REACHES } from './node-info.ts'

/** What is kept of an attempt that failed. */
const failureSchema = z.object({ Code: z.string(), Message: z.string(), Hint: z.string().optional() })

export const PEER_ORIGINS = ['config', 'added', 'connected'] as const
export const PEER_STATES = ['connected', 'connecting', 'waiting', 'self'] as const

/** A peer that a node keeps a connection to, or has one with. Times are RFC 3339. */
export const peerEntrySchema = z.object({
  Peer: z.string().describe('The address as it was given; that of the connection where none was.'),
  PeerID: z.string().optional().describe('Unknown until an API that was given as the address has told it.'),
  Origin: z
    .enum(PEER_ORIGINS)
    .describe('From `--peer` or the configuration, added since, or merely connected: by itself, or found by the node.'),
  State: z.enum(PEER_STATES).describe('`self`: it is the node itself. `waiting`: until `RetryAt`.'),
  Reach: z.enum(REACHES),
  Address: z.string().optional().describe('The other end of the connection.'),
  Agent: z.string().optional().describe('What the peer says it runs, for example `bacalhau/0.1.0`.'),
  Protocol: z
    .string()
    .optional()
    .describe('How it can work with this node: a link, or the protocol of the Go program.'),
  LatencyMs: z.number().optional().describe('Milliseconds there and back, as last measured.'),
  ConnectedSince: z.string().optional(),
  RetryAt: z.string().optional(),
  LastError: failureSchema.optional(),
})
export type PeerEntry = z.infer<typeof peerEntrySchema>

export const peersAnswer = z.object({ Peers: z.array(peerEntrySchema) })
export const peerAnswer = z.object({ Peer: peerEntrySchema })
export type PeersAnswer = z.infer<typeof peersAnswer>

export const peerRequestSchema = z.object({ Peer: z.string().min(1).max(1_024) })

export const pingAnswer = z.object({
  PeerID: z.string(),
  Address: z.string().describe('The other end of the connection that was used.'),
  Reach: z.enum(REACHES),
  Milliseconds: z.number().describe('There and back.'),
})
export type PingAnswer = z.infer<typeof pingAnswer>

/** What a node knows of how others reach it. */
export const networkAnswer = z.object({
  PeerID: z.string(),
  Listening: z.array(z.string()).describe('Multiaddrs at which the node listens.'),
  Announced: z.array(z.string()).describe('Multiaddrs that it tells to others.'),
  Reachability: z.enum(['reachable', 'unreachable', 'unknown']).describe('What peers found that tried to dial it.'),
  Confirmed: z.array(z.string()).describe('Addresses at which they did.'),
  SeenAs: z.array(z.string()).describe('Addresses that its connections come from, as peers see them.'),
  Mapping: z.enum(['same', 'varies', 'unknown']).describe('Does its router give it the same place for every peer?'),
  Relayed: z.array(z.string()).describe('Addresses of it behind relays.'),
  RelayRefusals: z.record(z.string(), z.string()).describe('Relays that do not carry it, and why.'),
  IsRelay: z.boolean(),
  UPnP: z.boolean().describe('Was the router asked to forward the port?'),
  MDNS: z.boolean(),
  HolePunching: z.boolean(),
  AutoNAT: z.boolean(),
  SwarmKey: z.string().optional().describe('Fingerprint of the key of the private swarm.'),
  SwarmPort: z.int(),
  APIHost: z.string(),
  APIPort: z.int(),
  Roles: z.array(z.enum(['orchestrator', 'compute'])),
  Time: z.string().describe('What the clock of the node says.'),
})
export type NetworkAnswer = z.infer<typeof networkAnswer>
