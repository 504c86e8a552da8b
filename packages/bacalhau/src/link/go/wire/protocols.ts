/** Protocols of the Go releases 1.0 to 1.3 (libp2p). Their payloads changed, their names did not. */
export const GO_PROTOCOLS = {
  askForBid: '/bacalhau/compute/ask_for_bid/1.0.0',
  bidAccepted: '/bacalhau/compute/bid_accepted/1.0.0',
  bidRejected: '/bacalhau/compute/bid_rejected/1.0.0',
  cancel: '/bacalhau/compute/cancel/1.0.0',
  /** Before release 1.0.4: results had to be accepted before they were published. */
  resultAccepted: '/bacalhau/compute/result_accepted/1.0.0',
  resultRejected: '/bacalhau/compute/result_rejected/1.0.0',
  /** From release 1.2.2 on, a stream of output; before that an address, and the stream there. */
  executionLogs: '/bacalhau/compute/execution_logs/1.0.0',
  logAddress: '/bacalhau/compute/executionlogs/1.0.0',
  logStream: '/bacalhau/compute/logs/1.0.0',
  onBidComplete: '/bacalhau/callback/on_bid_complete/1.0.0',
  onRunComplete: '/bacalhau/callback/on_run_complete/1.0.0',
  onPublishComplete: '/bacalhau/callback/on_publish_complete/1.0.0',
  onCancelComplete: '/bacalhau/callback/on_cancel_complete/1.0.0',
  onComputeFailure: '/bacalhau/callback/on_compute_failure/1.0.0',
} as const
