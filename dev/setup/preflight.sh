#!/bin/sh
# Says in one sentence each what is missing on this machine, before anything fails in the middle.
# Usage: preflight.sh [kafka]   ("kafka": also what the real Kafka of tests and demo needs)
missing=0
say() { echo "Missing: $1" >&2; missing=1; }

if command -v node >/dev/null 2>&1; then
  node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>=23||(a===22&&b>=12)||(a===20&&b>=19)?0:1)' ||
    say "Node.js 20.19, 22.12 or 24 (found $(node --version))."
else
  say "Node.js 20.19, 22.12 or 24."
fi
command -v npm >/dev/null 2>&1 || say "npm, which comes with Node.js."

# node-rdkafka is compiled at the first npm ci; once it is there, none of this is needed.
root=$(cd "$(dirname "$0")/../.." && pwd)
if [ ! -f "$root/node_modules/node-rdkafka/build/Release/node-librdkafka.node" ]; then
  command -v python3 >/dev/null 2>&1 || say "python3, to compile the Kafka client."
  { command -v c++ || command -v g++ || command -v clang++; } >/dev/null 2>&1 ||
    say "a C++ compiler (Debian: g++), to compile the Kafka client."
  command -v make >/dev/null 2>&1 || say "make, to compile the Kafka client."
  echo '#include <openssl/ssl.h>' | ${CXX:-c++} -E - >/dev/null 2>&1 ||
    say "the OpenSSL headers (Debian: libssl-dev), to compile the Kafka client with TLS."
fi

if [ "$1" = kafka ]; then
  if command -v java >/dev/null 2>&1; then
    major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ] || say "Java 17 or newer, to run Kafka (found ${major:-an unknown version})."
  else
    say "Java 17 or newer (Debian: openjdk-17-jre-headless), to run Kafka."
  fi
  command -v mvn >/dev/null 2>&1 || ls "$root"/.cache/kafka/*/libs >/dev/null 2>&1 ||
    say "Maven (mvn), to fetch Kafka's jars."
fi
exit $missing
