import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'

const PACKAGES = path.join(import.meta.dirname, '../..')

interface Point {
  /** What is so here, and was not in the Go program. */
  readonly says: string
  /** Files below `packages`, and titles of tests or suites in them. */
  readonly tests: readonly (readonly [file: string, title: string])[]
}

/** What users of the Go program met where jobs run, by number, and the tests that say that it is not so here. */
const POINTS: Readonly<Record<number, Point>> = {
  1: {
    says: 'a container that is ended early keeps its output and what it wrote',
    tests: [
      [
        'bacalhau/src/executors/docker/executor.test.ts',
        'keeps its output and results when its time is up, and when it is cancelled (point 1)',
      ],
    ],
  },
  2: {
    says: 'an exit code is kept whole',
    tests: [['bacalhau/src/executors/docker/executor.test.ts', 'has its whole exit code (point 2)']],
  },
  3: {
    says: 'nothing of a container stays, however it ends: no proxy, no network, no container',
    tests: [
      ['bacalhau/src/executors/docker/fixtures/egress.ts', 'goes with a job that cannot even be made (point 3)'],
      [
        'bacalhau/src/executors/docker/fixtures/egress.ts',
        'goes with a job that is not wanted any more after a crash (point 3)',
      ],
    ],
  },
  4: {
    says: 'a container that outlives its node keeps its ports, its inputs and its folders',
    tests: [
      [
        'bacalhau/src/executors/docker/fixtures/networks.ts',
        'and its ports outlive a crash of the node, and go to nobody else meanwhile (point 4)',
      ],
    ],
  },
  5: {
    says: 'an image that is only here runs, and a registry that is down fails no job that needs none',
    tests: [
      [
        'bacalhau/src/executors/docker/executor.test.ts',
        'runs an image that no registry has, named by its content (point 5)',
      ],
    ],
  },
  6: {
    says: 'each registry gets its own credentials, and a tag is fetched anew where the operator wants that',
    tests: [
      [
        'bacalhau/src/executors/docker/fixtures/pulls.ts',
        'that is private is fetched with what the node has for that registry, and no other (point 6)',
      ],
    ],
  },
  7: {
    says: 'the network HTTP needs no image, is told to programs in every way that they look for, and names its job',
    tests: [
      [
        'bacalhau/src/executors/docker/fixtures/egress.ts',
        'is told to programs by every name that they look for, with a scheme (point 7)',
      ],
      [
        'bacalhau/src/executors/docker/fixtures/egress.ts',
        'says whose request it is, whatever the job says of that (point 7)',
      ],
    ],
  },
  8: {
    says: 'processes, files, shared memory, user, signal and grace of a container are bounded and can be set',
    tests: [
      ['bacalhau/src/executors/docker/container/config.test.ts', 'is bounded as the operator says (point 8)'],
      ['bacalhau/src/executors/docker/fixtures/hardening.ts', 'bounds of a container (point 8)'],
    ],
  },
  9: {
    says: 'inputs cannot be written, results cannot leave their folder, and the host network has to be granted',
    tests: [
      [
        'bacalhau/src/executors/docker/fixtures/isolation.ts',
        'cannot write to its inputs, whatever their modes are (point 9)',
      ],
      [
        'bacalhau/src/executors/docker/fixtures/networks.ts',
        'is what the operator grants, the host only where that is said (point 9)',
      ],
    ],
  },
  10: {
    says: 'output is read once, and what stays of it is bounded',
    tests: [
      [
        'bacalhau/src/executors/docker/fixtures/isolation.ts',
        'that floods its log fills only what a log may take, which is read once (point 10)',
      ],
    ],
  },
  11: {
    says: 'the output of a module is followed live, and its record and its results have all of it',
    tests: [
      [
        'bacalhau/src/compute/module-runs.test.ts',
        'point 11: is followed while it runs, and when it is cancelled its readers come to the end',
      ],
      [
        'bacalhau/src/compute/module-runs.test.ts',
        'point 11: the record has the beginning of all that it wrote, the results have all of it',
      ],
    ],
  },
  12: {
    says: 'a module that returns has ended with 0; one that is ended has an end of its own',
    tests: [
      ['bacalhau/src/compute/module-runs.test.ts', 'point 12: that returns has ended well, with 0'],
      [
        'bacalhau/src/executors/wasm/executor.test.ts',
        'point 12: end with the exit code that they return or exit with',
      ],
    ],
  },
  13: {
    says: 'HTTP of a module reaches the listed domains only, however they are written and wherever a redirect leads',
    tests: [
      ['bacalhau/src/executors/wasm/http.test.ts', 'point 13: where a redirect leads'],
      ['bacalhau/src/executors/wasm/http/domains.test.ts', 'point 13: ${domain}'],
    ],
  },
  14: {
    says: 'a module has a whole file system at the paths of its spec, real randomness, and its share of the processor',
    tests: [
      ['bacalhau/src/executors/wasm/wasi.test.ts', 'point 14: are made and removed'],
      [
        'bacalhau/src/executors/wasm/wasi.test.ts',
        'point 14: at the path that the spec gives, and makes nothing that is only looked for',
      ],
      ['bacalhau/src/executors/wasm/wasi.test.ts', 'point 14: creates, truncates, or insists on creating'],
      ['bacalhau/src/executors/wasm/wasi.test.ts', 'point 14: random numbers are random'],
      [
        'bacalhau/src/executors/wasm/weight.test.ts',
        'point 14: has the weight of its share, and the next one in its place does not',
      ],
      [
        'bacalhau/src/executors/wasm/weight.test.ts',
        'point 14: the fewer cores a job asks for, the less it gets where they are scarce',
      ],
    ],
  },
  15: {
    says: 'an entry point has a default, variables of older specs are kept, and loading a module can be cancelled',
    tests: [
      [
        'bacalhau/src/executors/wasm/executor.test.ts',
        'point 15: one that is being loaded is given up when its job is cancelled',
      ],
      ['bacalhau/src/executors/wasm/params.test.ts', 'point 15: only the module has to be named'],
      ['models/src/engine-rules.test.ts', 'point 15: become those of the task, by the looser rules of old'],
    ],
  },
  16: {
    says: 'inputs from S3 work in every type of job, side by side, each partition with its own share',
    tests: [
      [
        'bacalhau/src/sources/s3/s3.test.ts',
        'point 16: are all of it where the spec says nothing, and for jobs without parts',
      ],
    ],
  },
  17: {
    says: 'no key, path, link or address leads an input out of where it may be',
    tests: [
      ['bacalhau/src/sources/local/local.test.ts', 'local paths, point 17'],
      ['bacalhau/src/sources/s3/s3.test.ts', 'a hostile server that speaks like S3, point 17'],
      ['bacalhau/src/sources/url/url.test.ts', 'an address that is not public, point 17'],
    ],
  },
  18: {
    says: 'a URL needs no HEAD and no length; it is resumed, not tried again in vain, and its redirects are bounded',
    tests: [['bacalhau/src/sources/url/url.test.ts', 'a file of a web server, point 18']],
  },
  19: {
    says: 'content is shared without being deleted under its readers, has paths, and a file stays a file',
    tests: [
      [
        'bacalhau/src/sources/inline/inline.test.ts',
        'point 19: stays a file however long it is, and is gone when it is released',
      ],
      ['bacalhau/src/sources/ipfs/ipfs.test.ts', 'inputs from ipfs, point 19'],
      ['bacalhau/src/sources/local/local.test.ts', 'point 19: are never deleted, neither a file nor an empty folder'],
    ],
  },
  20: {
    says: 'what comes or goes after the node has started is noticed',
    tests: [
      [
        'bacalhau/src/node/abilities.test.ts',
        'point 20: an engine that is started or stopped after the node is noticed, and told once',
      ],
    ],
  },
  21: {
    says: 'what was prepared for a run that cannot begin is given back',
    tests: [
      [
        'bacalhau/src/compute/run-execution.test.ts',
        'point 21: a fault of the engine is a failure of the execution, and its inputs are released',
      ],
    ],
  },
  22: {
    says: 'what is published locally is served with a token, at the right address, and follows no link',
    tests: [['bacalhau/src/publishers/local/local.test.ts', 'results that the node serves, point 22']],
  },
  23: {
    says: 'results in a bucket can be fetched whichever way they were put there, without credentials of the orchestrator',
    tests: [
      ['bacalhau/src/cli/transfer/fetch-published.test.ts', 'results that are not in IPFS, point 23'],
      [
        'bacalhau/src/publishers/s3-managed/s3-managed.test.ts',
        'results in the bucket of the orchestrator, point 23: compute nodes without credentials',
      ],
    ],
  },
  24: {
    says: 'results can be fetched again, also those of failed runs, and no part of another download is taken for them',
    tests: [
      ['bacalhau/src/cli/transfer/download.test.ts', 'point 24: a second time changes nothing and is no error'],
      [
        'bacalhau/src/cli/transfer/fetch-published.test.ts',
        'an archive of results, point 24: no partial file is reused wrongly',
      ],
    ],
  },
  25: {
    says: 'an execution that comes twice, or is larger than the node, ends nothing but itself',
    tests: [
      [
        'bacalhau/src/compute/workload.test.ts',
        'point 25: for good, what is larger than the node, and ids that are none',
      ],
      ['bacalhau/src/compute/workload.test.ts', 'point 25: offered again is not run again; the answer is given again'],
    ],
  },
  26: {
    says: 'a cancelled job ends at whatever step it is, and does not complete',
    tests: [
      [
        'bacalhau/src/compute/inputs.test.ts',
        'point 26: when the execution is ended its reason is told, not that of an input',
      ],
      [
        'bacalhau/src/compute/module-runs.test.ts',
        'point 26: that is cancelled does not complete, whatever it is doing',
      ],
      [
        'bacalhau/src/compute/workload.test.ts',
        'point 26: of what waits keeps it from running, and lets the next one go',
      ],
      [
        'bacalhau/src/compute/workload.test.ts',
        'point 26: works in the turn of the offer, waiting, preparing, running and publishing; twice is once',
      ],
    ],
  },
  27: {
    says: 'what is kept outlives a restart, and goes in its time',
    tests: [
      [
        'bacalhau/src/compute/execution-runner.test.ts',
        'point 27: output of what had ended can still be read by its owner, for what is left of its hour',
      ],
      ['bacalhau/src/compute/retention.test.ts', 'point 27: of very many only the newest are kept'],
      ['bacalhau/src/compute/workload.test.ts', 'point 27: is told of state by state, and leaves no row'],
    ],
  },
  28: {
    says: 'the queue is bounded and fair, offers are considered side by side, and a full disk takes no work',
    tests: [
      [
        'bacalhau/src/compute/disk-watch.test.ts',
        'point 28: without room is known before any work comes, and relieved until there is room',
      ],
      ['bacalhau/src/compute/workload.test.ts', 'point 28: for now, what is more than can wait'],
      [
        'bacalhau/src/compute/workload.test.ts',
        'point 28: is neither answered nor held until then, and runs when it is wanted',
      ],
      ['bacalhau/src/compute/workload.test.ts', 'point 28: is not taken by small ones while a large one waits for it'],
    ],
  },
  29: {
    says: 'logs have their last lines, reach many readers, and can be read after the end',
    tests: [
      [
        'bacalhau/src/compute/execution-runner.test.ts',
        'point 29: can be read for an hour after the end; then nothing is left',
      ],
      [
        'bacalhau/src/compute/output-log.test.ts',
        'point 29: ends with as many lines as are wanted, however long they are and however the last one ends',
      ],
      [
        'bacalhau/src/compute/output-log.test.ts',
        'point 29: reaches every follower once, whole and in order, whenever it joins and however it is written',
      ],
      [
        'bacalhau/src/link/log-protocol.test.ts',
        'point 29: any chunks come through whole and in the order of their stream',
      ],
    ],
  },
  30: {
    says: 'the policy of an operator may answer in any form and at any length, and not too late',
    tests: [
      [
        'bacalhau/src/compute/policy/policy.test.ts',
        'point 30: decides by its document, whatever the case of its keys',
      ],
      ['bacalhau/src/compute/policy/policy.test.ts', 'point 30: gets a large job on its standard input only'],
      ['bacalhau/src/compute/policy/policy.test.ts', 'point 30: may answer in many pieces, without saying how many'],
      ['bacalhau/src/compute/policy/policy.test.ts', 'point 30: that takes too long is left'],
    ],
  },
  31: {
    says: 'patterns of names match whole names',
    tests: [
      [
        'bacalhau/src/compute/policy/node-environment.test.ts',
        'point 31: is not given by a pattern that names a part of it',
      ],
      ['models/src/network-rules.test.ts', 'point 31: of any other form are refused'],
    ],
  },
  32: {
    says: 'the description of a node is made once, for all who ask',
    tests: [
      [
        'bacalhau/src/node/abilities.test.ts',
        'point 32: whoever reads the description asks nobody; the node asks now and then, until it stops',
      ],
    ],
  },
}

const source = (file: string) => readFileSync(path.join(PACKAGES, file), 'utf8')
const named = (number: number) => new RegExp(`\\bpoint ${number}\\b`)

describe('every point has a test that names it', () => {
  for (const [number, { says, tests }] of Object.entries(POINTS)) {
    test(`${number}: ${says}`, () => {
      assert.ok(tests.length > 0)
      for (const [file, title] of tests) {
        assert.match(title, named(Number(number)))
        const quoted = [`'${title}'`, `"${title}"`, `\`${title}\``]
        const found = ['test', 'describe'].some((call) =>
          quoted.some((text) => source(file).includes(`${call}(${text},`)),
        )
        assert.ok(found, `${file} has no test "${title}"`)
      }
    })
  }
})

test('and every test that names one is listed', async () => {
  const listed = new Set(Object.values(POINTS).flatMap(({ tests }) => tests.map(([file, title]) => `${file} ${title}`)))
  for await (const file of glob('*/src/**/*.ts', { cwd: PACKAGES })) {
    for (const [, , title = ''] of source(file).matchAll(/^\s*(?:test|describe)\((['"`])(.*\bpoint \d+.*?)\1,/gm))
      assert.ok(listed.has(`${file} ${title}`), `${file} ${title}`)
  }
})
