# Every target installs what it needs, once. `make help` lists them.
SHELL := /bin/sh
INSTALLED := node_modules/.installed
BUILT := dist/.built
SOURCES := $(shell find plugins pluginserver bridge common listener status replay cli dev test bench -name '*.ts' 2>/dev/null) tsconfig.json
TESTS ?=
ARGS ?=

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\#.*/\1/p' $(firstword $(MAKEFILE_LIST)))
.DEFAULT_GOAL := help

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

demo: $(BUILT) kafka ## gateway, Kafka and responder on this machine (CHECK=1: send one request and end; CONFIG=my-kong.yml)
	@node dist/dev/demo.js $(if $(CHECK),--check) $(if $(CONFIG),--config $(CONFIG))

test: $(BUILT) kafka ## unit, integration, contract and end-to-end tests (TESTS=unit for one kind)
	@node dist/test/run.js $(TESTS)

interop: $(BUILT) kafka ## services of Spring, NestJS, Quarkus, Micronaut and Python answer (ARGS="--only spring")
	@node dist/test/interop/run.js $(ARGS)
	@node dist/test/interop/schema-bytes/run.js

fuzz: $(BUILT) ## a minute of changed inputs for every decoder (ARGS="--seconds 5 --only frames")
	@node dist/test/fuzz/run.js $(ARGS)

lint: $(INSTALLED) ## formatter and linter
	@npx --no-install eslint . && npx --no-install prettier --check .

typecheck: $(INSTALLED) ## the compiler, without output
	@npx --no-install tsc -p tsconfig.json --noEmit

bench: $(BUILT) kafka ## floor, plugin server and stock server side by side, under 3 minutes (ARGS="--against ../before/dist")
	@node dist/bench/throughput/cli.js $(ARGS)

bench-check: $(BUILT) kafka ## ratios of the benchmark against those of bench/throughput/baseline.json
	@node dist/bench/throughput/check-cli.js $(ARGS)

bench-metrics: $(BUILT) ## what the metrics cost a request, and a scrape (ARGS="--configurations 1000")
	@node dist/bench/metrics/cli.js $(ARGS)

growth: $(BUILT) kafka ## how rate and cost grow with load, sizes, configurations, gateways (ARGS="--svg --only gateways")
	@node dist/bench/growth/cli.js $(ARGS)

chaos: $(BUILT) kafka ## gateways and brokers killed under load, for each reply routing (ARGS="--seconds 60")
	@node dist/bench/chaos/cli.js $(ARGS)

drill: $(BUILT) kafka ## twenty broker stops under load (ARGS="--stops 3")
	@node dist/bench/drill/cli.js $(ARGS)

log-drill: $(BUILT) kafka ## a million log entries with Kafka stopped twice (ARGS="--entries 100000 --outage-s 5")
	@node dist/bench/log-drill/cli.js $(ARGS)

failover-drill: $(BUILT) kafka ## a service and Kafka stopped in turns under load (ARGS="--duration-s 20 --outage-s 2")
	@node dist/bench/failover-drill/cli.js $(ARGS)

replay-drill: $(BUILT) kafka ## kept requests carried out by a replay that is killed every 20 s (ARGS="--requests 1000")
	@node dist/bench/replay-drill/cli.js $(ARGS)

results-drill: $(BUILT) kafka ## slow replies asked for at other gateways, which are killed and added (ARGS="--duration-s 30 --kill-every-s 8")
	@node dist/bench/results-drill/cli.js $(ARGS)

resume-drill: $(BUILT) kafka ## streams of events that go on at other gateways, which are killed and added (ARGS="--plugins one-event --duration-s 30")
	@node dist/bench/resume-drill/cli.js $(ARGS)

streams-drill: $(BUILT) kafka ## 5,000 streams of events and 2,000 WebSockets beside plain requests (ARGS="--events 500 --sockets 200")
	@node dist/bench/streams-drill/cli.js $(ARGS)

workers: $(BUILT) ## how connections are shared among workers, and what two carry (ARGS="--only carrying --rounds 8")
	@node dist/bench/workers/cli.js $(ARGS)

worker-drill: $(BUILT) kafka ## upgrades from one worker to two and back, and killed workers, under load (ARGS="--upgrades 3 --kill-s 20")
	@node dist/bench/worker-drill/cli.js $(ARGS)

dead-clusters: $(BUILT) kafka ## what fifty clusters that are away cost the requests of a healthy one
	@node dist/bench/dead-clusters/cli.js $(ARGS)

soak: $(BUILT) kafka ## a million requests of all kinds, and what is left of them (ARGS="--requests 50000")
	@node dist/bench/soak/cli.js $(ARGS)

picture: $(BUILT) kafka ## the picture of the dashboard in docs/, from a minute's run
	@node dist/dev/monitoring/picture.js

generate: $(BUILT) ## dumps and reference pages from the option tables
	@node dist/dev/generate.js

helm: $(BUILT) ## the Helm values in a real helm, which is compiled by Go first (some minutes, once; HELM=<path> for another)
	@test -n "$(HELM)" || test -x .cache/bin/helm || \
	  { echo "Compiling helm ..." >&2; GOBIN=$(CURDIR)/.cache/bin go install helm.sh/helm/v3/cmd/helm@v3.22.0; }
	@HELM=$(or $(HELM),$(CURDIR)/.cache/bin/helm) node --test --test-reporter=spec dist/test/examples/kubernetes.test.js

sbom: $(BUILT) ## bill of materials (CycloneDX) and licences of what is installed along, in .release
	@node dist/dev/packages/sbom-cli.js

release: $(BUILT) ## whether this version can be released, and what would be done (ARGS=--execute does it)
	@node dist/dev/packages/release-cli.js $(ARGS)

clean: ## remove what was built (keeps node_modules and .cache)
	@rm -rf dist

.PHONY: kafka
kafka: $(BUILT)
	@dev/setup/preflight.sh kafka
	@node dist/dev/kafka/cli.js fetch

$(INSTALLED): package-lock.json
	@dev/setup/preflight.sh
	@echo "Installing packages; compiling the Kafka client takes about two minutes the first time ..." >&2
	@start=$$(date +%s); npm ci --no-audit --no-fund --loglevel=error > node_modules.log 2>&1 & pid=$$!; \
	  while kill -0 $$pid 2>/dev/null; do sleep 1; n=$$((n+1)); [ $$((n % 15)) -ne 0 ] || echo "  ... $$n s" >&2; done; \
	  wait $$pid || { cat node_modules.log >&2; exit 1; }; rm -f node_modules.log
	@touch $@

$(BUILT): $(INSTALLED) $(SOURCES)
	@rm -rf dist
	@npx --no-install tsc -p tsconfig.json
	@touch $@
