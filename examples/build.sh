#!/usr/bin/env bash
# Rebuilds the modules of the examples from their C sources, and the job that carries one of them inside. Not needed to run
# them: the modules are part of the checkout. Needs clang with its wasm32 runtime, lld and wasi-libc; on Debian and Ubuntu:
#   apt-get install clang lld wasi-libc libclang-rt-dev-wasm32
# The same versions of these give the same bytes: no path, time or debug information goes in. The ones in the checkout were
# made by clang 14.0.6 and wasi-libc 0.0~git20220510.
set -euo pipefail
cd "$(dirname "$0")"

CC=${CC:-clang}
# --stack-first puts the stack below everything else: one that overflows traps instead of writing over data.
FLAGS=(--target=wasm32-wasi -std=gnu11 -O2 -Wall -Wextra -Werror -Wl,--strip-all,--stack-first)
# Where wasi-libc lives, when it is not in the compiler's own folders: SYSROOT=/opt/wasi-sysroot ./build.sh
if [ -n "${SYSROOT:-}" ]; then FLAGS+=("--sysroot=$SYSROOT"); fi

build() {
  local name=$1
  shift
  "$CC" "${FLAGS[@]}" "$name/main.c" "$@" -o "$name/$name.wasm"
  printf '%7d bytes  %s\n' "$(wc -c <"$name/$name.wasm")" "$name/$name.wasm"
}

data_url() {
  printf 'data:%s;base64,%s' "$1" "$(base64 <"$2" | tr -d '\n')"
}

build hello
build word-count common/job.c common/table.c
build csv-transform csv-transform/reader.c common/job.c common/table.c
build image-edges common/job.c
build mandelbrot common/job.c
build n-body common/job.c

cat >legacy/run.json <<JSON
{
  "Engine": "Wasm",
  "Wasm": {
    "EntryModule": {
      "StorageSource": "Inline",
      "URL": "$(data_url application/wasm hello/hello.wasm)"
    },
    "EntryPoint": "_start",
    "Parameters": []
  },
  "inputs": [
    {
      "StorageSource": "Inline",
      "URL": "$(data_url text/plain hello/inputs/name.txt)",
      "path": "/inputs/name.txt"
    }
  ],
  "outputs": [{ "StorageSource": "IPFS", "Name": "outputs", "path": "/outputs" }],
  "Verifier": "Noop",
  "PublisherSpec": { "Type": "IPFS" },
  "Timeout": 60,
  "Deal": { "Concurrency": 1 }
}
JSON
