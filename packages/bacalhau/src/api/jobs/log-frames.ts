import type { LogFrame } from '@bacalhau/models'
import type { LogChunk } from '../../orchestrator/service.ts'
import { encodeJson } from '../http/answer.ts'

const TYPES = { stdout: 1, stderr: 2 } as const

/** Turns output into messages of the log socket. A character whose bytes are cut by a chunk's end goes into the next message. */
export function createFramer() {
  const decoder = () => new TextDecoder('utf-8', { ignoreBOM: true })
  const decoders = { stdout: decoder(), stderr: decoder() }
  const frame = (stream: LogChunk['stream'], Line: string) =>
    Line === '' ? [] : [encodeFrame({ value: { Type: TYPES[stream], Line } })]
  return {
    frames: ({ stream, bytes }: LogChunk): string[] => frame(stream, decoders[stream].decode(bytes, { stream: true })),
    /** What remains when the output has ended in the middle of a character. */
    end: (): string[] => [...frame('stdout', decoders.stdout.decode()), ...frame('stderr', decoders.stderr.decode())],
  }
}

/** Errors travel in the same messages, with an empty chunk. */
export const encodeError = (error: string): string => encodeFrame({ error, value: { Type: 0, Line: '' } })

const encodeFrame = (frame: LogFrame): string => encodeJson(frame)
