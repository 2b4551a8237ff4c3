# The commands of the project. `make help` lists them.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
MODULES  = . e2e

.DEFAULT_GOAL := help
.PHONY: help demo build test peers bench soak lint docker docker-test clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## watch an outage and the recovery on loopback, in under a minute
	$(GO) run ./cmd/failover demo

build: ## a static binary in bin/failover
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/failover ./cmd/failover

test: peers ## every test of both modules, against the real peers found on this machine
	bash e2e/test.sh $(MODULES)

peers: ## install the name servers and the browser that tests talk to (root and apt only)
	bash e2e/peers.sh named knotd unbound chromium certutil ip nft strace prlimit

bench: ## detection time of 300 sites, cold start of 1,000, cost of a check
	cd e2e && FAILOVER_BENCH=1 $(GO) test -count=1 -timeout 20m -v -run '^TestBench' .
	$(GO) test -run '^$$' -bench . -benchtime 1s ./...

soak: peers ## 1,000 kills and every row of the fault matrix five times; about 40 minutes
	cd e2e && FAILOVER_SOAK=$${FAILOVER_SOAK:-1000} $(GO) test -count=1 -timeout 3h -v -run '^(TestKill9|TestFaultMatrix)$$' .

lint: ## go vet, gofmt, staticcheck, tidiness of go.mod, known vulnerabilities
	bash e2e/lint.sh $(MODULES)

docker: ## the container image failover:$(VERSION)
	docker build --build-arg VERSION=$(VERSION) -t failover:$(VERSION) .

docker-test: ## build the image and run it; starts a Docker daemon of its own if it must
	bash e2e/peers.sh docker dockerd
	cd e2e && FAILOVER_DOCKER=1 $(GO) test -count=1 -timeout 15m -v -run '^TestDockerfile$$' .

clean: ## remove what was built
	rm -rf bin dist e2e/artifacts
