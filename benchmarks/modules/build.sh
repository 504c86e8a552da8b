#!/bin/sh
# Builds the modules that the benchmarks run. Needs clang, lld and wasi-libc; see ../../packages/bacalhau/src/executors/wasm/fixtures/build.sh.
set -eu
cd "$(dirname "$0")"
clang --target=wasm32-wasi --sysroot="${WASI_SYSROOT:-/usr}" -O2 -Wall -Wextra -Werror -Wl,--strip-all compute.c -o compute.wasm
