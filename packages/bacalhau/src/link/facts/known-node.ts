import type { NodeInfo } from '@bacalhau/models'

/**
 * Streams and messages of the Go program changed twice without new names. `b`: v0.3.29 to v1.0.3, with a step that verifies
 * results. `c`: v1.0.4 to v1.3.1.
 */
export type Generation = 'b' | 'c'

/** What a node says of itself in one message. */
export interface Statement {
  readonly peerId: string
  /** Is it a node of this program, or of the Go program? */
  readonly kind: 'bacalhau' | 'go'
  /** Of a Go node; nodes of this program count as the newest. */
  readonly generation: Generation
  /** For example `v1.2.3`. */
  readonly version: string
  readonly role: 'Compute' | 'Requester'
  /** In the terms of this program. */
  readonly info: NodeInfo
  /** Multiaddrs without the peer ID, as the node tells them. Nothing says that they are its own. */
  readonly addresses: readonly string[]
  /** Grows from one message of a node of this program to the next; Go nodes do not count. */
  readonly sequence: number | undefined
  /** The last word of a node that stops. */
  readonly leaving: boolean
  /** Generations of Go nodes that a node of this program has among its peers. */
  readonly goPeers: readonly Generation[]
}

/** A node that has lately been heard of. */
export interface KnownNode extends Statement {
  /** When it was heard of last, in milliseconds since the epoch. */
  readonly seenAt: number
}

/** The nodes that are known in the swarm, this one not among them. */
export interface NodeDirectory {
  nodes(): readonly KnownNode[]
  find(peerId: string): KnownNode | undefined
  /** Calls `listener` when a node appears, says something new of itself, or is gone. Gives the way to stop that. */
  watch(listener: (node: KnownNode, gone: boolean) => void): () => void
}
