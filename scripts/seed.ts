// Loaded before every test file: property tests draw the same cases in every run, so that a green run stays green until
// something changes. `TEST_SEED=random npm test` looks for new ones; a failure prints the seed that repeats it.
import { configureGlobal } from 'fast-check'

const SEED = 1
const { TEST_SEED = String(SEED) } = process.env
if (TEST_SEED !== 'random') configureGlobal({ seed: Number(TEST_SEED) })
