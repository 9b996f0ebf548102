#!/bin/sh
# The plugin server and Kong in one container, in external mode: `GET /` of the Admin API works (and with it decK and
# Kong Manager), `kong reload` touches no waiting request, and the plugin server has its environment and a log of its
# own. Settings: kong/kong-external.env.
#
#   docker run --env-file kong/kong-external.env ... kong-kafka-request-reply \
#     /opt/kong-kafka-request-reply/kong/one-container.sh
#
# Objects of a request die young: with room for 64 MB of them node collects less often (--max-semi-space-size), which is
# worth 5 to 25 % more requests per second and costs 70 to 100 MB of RSS once there is load.
#
# KONG_KAFKA_OPTIONS has further options of the plugin server, divided by spaces. Arguments, if there are any, are what
# is run in place of Kong's usual start.
#
# Kong becomes process 1. `docker stop` sends it SIGQUIT: waiting requests finish, Kong ends, and the container takes the
# plugin server with it, which nobody needs any more then. Give it more time (--stop-timeout) than the longest timeout of
# a route.
set -eu

: "${KONG_PLUGINSERVER_KAFKA_PRODUCER_SOCKET:?is not set: the settings are in kong/kong-external.env}"
root=$(dirname "$(dirname "$(readlink -f "$0")")")

# $$ is this shell, and Kong after the exec below.
while kill -0 $$ 2>/dev/null; do
  # shellcheck disable=SC2086  # options, divided by spaces
  node --max-semi-space-size=64 "$root/dist/pluginserver/main.js" \
    --socket-dir "$(dirname "$KONG_PLUGINSERVER_KAFKA_PRODUCER_SOCKET")" \
    ${KONG_KAFKA_OPTIONS:---status-port 8900 --http-listen unix:/run/kong-kafka/http.sock} || :
  sleep 1
done &

[ $# -gt 0 ] || set -- /docker-entrypoint.sh kong docker-start
exec "$@"
