// The command line. Everything here is on the way of every command, so it imports little; commands bring in the rest.
import { systemClock } from '../runtime/clock.ts'
import { watchInterruption } from './interruption.ts'
import { processIo } from './io.ts'
import { runProgram } from './program.ts'

const code = await runProgram(process.argv.slice(2), processIo(process, systemClock), watchInterruption(process))
// Everything is written by now; idle connections must not keep the user waiting.
process.exit(code)
