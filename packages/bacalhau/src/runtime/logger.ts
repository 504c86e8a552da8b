import { pino, stdSerializers } from 'pino'

/** Structured logging: facts first, then a sentence. Never log secrets, tokens or job payloads. */
export interface Logger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  /** A logger that adds `facts` to every line. */
  child(facts: object): Logger
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * JSON lines on standard error (file descriptor 2), so that standard output stays for results. An error among the facts, under
 * the name `error`, is written with its message and stack.
 */
export function createLogger(level: LogLevel): Logger {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: stdSerializers.err } },
    pino.destination({ dest: 2, sync: true }),
  )
}

/** Swallows everything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
}
