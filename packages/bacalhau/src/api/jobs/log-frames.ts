import type { LogFrame } from '@bacalhau/models'
import type { LogChunk } from '../../orchestrator/service.ts'
import { encodeJson } from '../http/answer.ts'

const TYPES = { stdout: 1, stderr: 2 } as const

/** Longer texts than these, in bytes, are costly to collect once they have been sent. */
const MOST = 16 * 1_024

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += MOST) yield bytes.subarray(from, from + MOST)
}

/** Turns output into messages of the log socket. A character whose bytes are cut by a chunk's end goes into the next message. */
export function createFramer() {
  const decoder = () => new TextDecoder('utf-8', { ignoreBOM: true })
  const decoders = { stdout: decoder(), stderr: decoder() }
  const frame = (stream: LogChunk['stream'], Line: string) =>
    Line === '' ? [] : [encodeFrame({ value: { Type: TYPES[stream], Line } })]
  return {
    frames: ({ stream, bytes }: LogChunk): string[] =>
      [...pieces(bytes)].flatMap((piece) => frame(stream, decoders[stream].decode(piece, { stream: true }))),
    /** What remains when the output has ended in the middle of a character. */
    end: (): string[] => [...frame('stdout', decoders.stdout.decode()), ...frame('stderr', decoders.stderr.decode())],
  }
}

/** Errors travel in the same messages, with an empty chunk. */
export const encodeError = (error: string): string => encodeFrame({ error, value: { Type: 0, Line: '' } })

const encodeFrame = (frame: LogFrame): string => encodeJson(frame)
