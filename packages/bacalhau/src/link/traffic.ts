import type { Meter } from '../runtime/meter.ts'

/** What goes over links to other machines. */
export interface Traffic {
  sent(messages: number, bytes: number): void
  received(messages: number, bytes: number): void
}

export const NO_TRAFFIC: Traffic = { sent: () => undefined, received: () => undefined }

export function measuredTraffic(meter: Meter): Traffic {
  const messages = meter.counter('bacalhau_link_messages_total', 'Messages over links to other machines.')
  const bytes = meter.counter('bacalhau_link_bytes_total', 'Bytes of frames over links to other machines.')
  const count = (direction: 'in' | 'out') => (ofMessages: number, ofBytes: number) => {
    messages.add(ofMessages, { direction })
    bytes.add(ofBytes, { direction })
  }
  return { sent: count('out'), received: count('in') }
}
