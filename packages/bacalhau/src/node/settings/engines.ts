import { LIMITS } from '../../runtime/limits.ts'
import { addressRanges, choice, choices, portRange, size, span, text, wholeNumber } from '../config-kinds.ts'
import { setting } from './setting.ts'

/** What runs jobs, and within which bounds. */
export const ENGINES_SETTINGS = {
  enginesDisabled: setting<readonly string[]>({
    key: 'Engines.Disabled',
    kind: choices(['docker', 'noop', 'wasm']),
    fallback: [],
    about: 'Engines that this node does not offer, for example wasm.',
  }),
  dockerHost: setting<string | undefined>({
    key: 'Engines.Docker.Host',
    kind: text,
    fallback: undefined,
    about:
      'Where Docker or Podman listens: unix:///… or tcp://…. By default DOCKER_HOST, else the usual sockets are tried.',
  }),
  dockerPull: setting<'missing' | 'always' | 'never'>({
    key: 'Engines.Docker.Pull',
    kind: choice(['missing', 'always', 'never']),
    fallback: 'missing',
    about: 'When images are fetched: those that are not on this node, every time, or not at all.',
  }),
  wasmNetworks: setting<readonly 'http'[]>({
    key: 'Engines.Wasm.Networks',
    kind: choices(['http']),
    fallback: ['http'],
    about: 'Networks that WebAssembly jobs get when they ask for one. http: the domains that the job lists, over HTTP.',
  }),
  wasmAddresses: setting<readonly string[]>({
    key: 'Engines.Wasm.AllowedAddresses',
    kind: addressRanges,
    fallback: [],
    about: 'Private addresses and ranges that WebAssembly jobs reach over HTTP, such as 10.1.0.0/16. By default none.',
  }),
  dockerKeepImages: setting({
    key: 'Engines.Docker.KeepImages',
    kind: wholeNumber(0, 36_500),
    fallback: 30,
    about: 'Days without a use after which images that were fetched for jobs are removed. 0: they are kept.',
  }),
  dockerNetworks: setting<readonly ('http' | 'bridge' | 'host')[]>({
    key: 'Engines.Docker.Networks',
    kind: choices(['http', 'bridge', 'host']),
    fallback: ['http', 'bridge'],
    about:
      'Networks that containers get when their job asks for one. http: the domains that the job lists; host: all that this machine reaches, and is.',
  }),
  dockerAddresses: setting<readonly string[]>({
    key: 'Engines.Docker.AllowedAddresses',
    kind: addressRanges,
    fallback: [],
    about:
      'Private addresses and ranges that containers reach by the network HTTP, such as 10.1.0.0/16. By default none.',
  }),
  dockerProcesses: setting({
    key: 'Engines.Docker.Processes',
    kind: wholeNumber(1, 4_194_304),
    fallback: LIMITS.containerProcesses,
    about: 'Processes and threads that one container may have.',
  }),
  dockerOpenFiles: setting({
    key: 'Engines.Docker.OpenFiles',
    kind: wholeNumber(0, 1_073_741_816),
    fallback: 0,
    about: 'Files that each process of a container may have open. 0: what the engine gives.',
  }),
  dockerSeccomp: setting<string | undefined>({
    key: 'Engines.Docker.Seccomp',
    kind: text,
    fallback: undefined,
    about: "File with a seccomp profile for containers, instead of the engine's own.",
  }),
  dockerRuntime: setting<string | undefined>({
    key: 'Engines.Docker.Runtime',
    kind: text,
    fallback: undefined,
    about: 'Runtime of containers that the engine knows by this name, such as runsc or kata, instead of its usual one.',
  }),
  dockerDiskRate: setting({
    key: 'Engines.Docker.DiskRate',
    kind: size,
    fallback: 0,
    about: "Bytes a second that one container may read from the engine's disk, and write to it. 0: as many as it can.",
  }),
  dockerGrace: setting({
    key: 'Engines.Docker.StopGrace',
    kind: span,
    fallback: 1_000,
    about: 'How long a container that has to end may take for it after its signal, where the spec has no StopTimeout.',
  }),
  dockerPorts: setting<readonly [number, number]>({
    key: 'Engines.Docker.Ports',
    kind: portRange,
    fallback: [20_000, 32_000],
    about: 'Ports of this machine that containers get where the spec names none: the first and the last.',
  }),
  dockerHttpBytes: setting({
    key: 'Engines.Docker.HTTPBytes',
    kind: size,
    fallback: 10_000_000_000,
    about: 'Bytes that one container may send and receive by the network HTTP; then it is ended. 0: any number.',
  }),
  dockerHttpRate: setting({
    key: 'Engines.Docker.HTTPRate',
    kind: size,
    fallback: 12_500_000,
    about: 'Bytes a second that one container may send and receive by the network HTTP. 0: as fast as it goes.',
  }),
} as const
