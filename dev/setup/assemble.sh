#!/bin/sh
# Puts into a folder what an image has of the product, after `npm run build`: the files of the package, as `npm pack` has
# them, its dependencies, and of the Kafka client only what runs.
#
#   dev/setup/assemble.sh <folder>
set -eu

source=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
app=$(cd "$1" && pwd)

cd "$source"
tarball=$(npm pack --ignore-scripts --silent --pack-destination "$app")
tar -xzf "$app/$tarball" -C "$app" --strip-components=1
rm "$app/$tarball"

# A second install rather than `npm prune`, which may unpack the client anew and with that lose what was compiled.
cp package-lock.json "$app"
cd "$app"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund
rm package-lock.json

# node_modules would hold half a gigabyte of the Kafka client's sources and object files. What runs is its JavaScript, the
# addon and two libraries, which the addon finds relative to itself.
rm -rf node_modules/nan
cd node_modules/node-rdkafka
mv deps/librdkafka/LICENSES.txt LICENSES.librdkafka.txt
find . -mindepth 1 -maxdepth 1 ! -name lib ! -name librdkafka.js ! -name package.json ! -name 'LICENSE*' \
  -exec rm -rf {} +
compiled=$source/node_modules/node-rdkafka/build
mkdir -p build/Release build/deps
cp "$compiled/Release/node-librdkafka.node" build/Release/
cp "$compiled/deps/librdkafka.so.1" "$compiled/deps/librdkafka++.so.1" build/deps/
strip --strip-unneeded build/Release/node-librdkafka.node build/deps/*.so.1
