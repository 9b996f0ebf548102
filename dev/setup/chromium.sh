#!/bin/sh
# Fetches Debian's headless Chromium and the libraries of it that this machine does not have into .cache/chromium, without
# installing anything. For test/status/browser.test.ts; Debian and Ubuntu, with `apt-get update` done.
set -e
root=$(cd "$(dirname "$0")/../.." && pwd)/.cache/chromium
command -v apt-get >/dev/null 2>&1 || { echo "Missing: apt-get. Install Chromium, or name one: CHROMIUM=<path>." >&2; exit 1; }
mkdir -p "$root/packages"
cd "$root/packages"
apt-get download $(apt-get install --simulate --no-install-recommends chromium-headless-shell | sed -n 's/^Inst \([^ ]*\).*/\1/p')
for file in *.deb; do dpkg -x "$file" "$root"; done
rm -r "$root/packages"
