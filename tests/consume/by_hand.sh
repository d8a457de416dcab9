#!/usr/bin/env bash
# by_hand.sh <compiler> <program to write> (-I<dir> | --package <name>): no build system at all.
set -euo pipefail
compiler=$1 output=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
flags=("$@") libs=()
if [[ $1 == --package ]]; then
  tool=${PKG_CONFIG:-pkg-config}
  read -ra flags <<<"$("$tool" --cflags "$2")"
  read -ra libs <<<"$("$tool" --libs "$2")"
  if [[ $2 == tessera-* ]]; then
    component=${2#tessera-}
    flags+=("-DTESSERA_CONSUMES_${component^^}")
  fi
fi
mkdir -p "$(dirname "$output")"
"$compiler" -std=c++20 -O1 -Wall -Wextra "${flags[@]}" "$here/main.cpp" "$here/other.cpp" -o "$output" "${libs[@]}"
"$output"
