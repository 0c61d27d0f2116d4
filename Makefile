# The few commands a person, a script and CI share. `make help` explains them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

ROOMS := operator gateway predictors
SUITE ?= core
cluster := hack/cluster/provider

##@ The main job
.PHONY: demo
demo: ## Serve the demonstration models on this machine: no cluster, no Docker. ONCE=1 checks the answers and ends.
	@hack/demo/run $(if $(ONCE),--once)

##@ Checks
# The longest first; two at a time, each one's output whole.
UNITS := unit-predictors unit-gateway unit-hub unit-line unit-operator
CHECKS := $(UNITS) types chart lint

.PHONY: test unit attacks soak scan $(CHECKS)
test: ## All that needs no cluster and no root
	@$(MAKE) --no-print-directory --keep-going --jobs=2 --output-sync=target $(CHECKS)
	@echo "make test: all checks passed"

lint: ## Style, unused code, forbidden imports, shell scripts, what is written unsafely
	@hack/checks lint

types: ## mypy, strict, in each room's own environment
	@hack/checks types

unit: ## The tests of every room, of the hub and of the demo; unit-gateway for one room's
	@hack/checks unit operator gateway predictors hub line

$(UNITS): unit-%:
	@hack/checks unit $*

attacks: ## Attack the product; what was tried and what got through goes to build/attacks.json and docs/security.md
	@hack/attacks

soak: ## Five minutes of callers who leave, hurry, flood and send rubbish: nothing lost, nothing leaked. SOAK=1 for an hour
	@$$(hack/env predictors)/bin/pytest -q -s tests/predictors/soak

scan: ## Known vulnerabilities of what the images install, and what is written unsafely. Says where nobody could be asked
	@hack/scan

chart: ## The chart in every supported shape: schema, policies; and that no rendered file has drifted
	@hack/checks chart

##@ On a real cluster
.PHONY: cluster cluster-down images sync e2e faults bench
cluster: ## A real Kubernetes with KServe: on kind where a Docker daemon answers, on hack/cluster where none does
	@$(cluster) up

cluster-down: ## Remove that cluster; what it was built from stays cached
	@$(cluster) down

images: ## Build the five images, and bring them and those of Redis and PostgreSQL to the cluster
	@hack/images

sync: ## Bring the Python of this checkout into what runs in the cluster, in seconds. ROOM=gateway for one
	@hack/sync $(ROOM)

e2e: ## Install the chart and prove the contract through the ingress. SUITE=core|all
	@hack/e2e $(SUITE)

faults: ## Break what can break under load; what was seen goes to build/faults.json and docs/reliability.md. ROWS=hub
	@hack/faults $(ROWS)

bench: ## Measure the predictor beside its peers and the installed product; figures go to build/bench.json and docs/performance.md
	@hack/bench

##@ Keeping things in step
.PHONY: lock format manifests verify-manifests messages verify-messages values verify-values
lock: ## Resolve every room's requirements again. ROOM=gateway for one, UPGRADE=1 to move versions
	@hack/lock $(if $(UPGRADE),--upgrade) $(ROOM)

format: ## Put every file into the one style
	@$$(hack/env tools)/bin/ruff format . && $$(hack/env tools)/bin/ruff check --fix .

manifests: ## Render the chart into manifests/models and manifests/install
	@hack/manifests

verify-manifests: ## Fail when manifests/models and manifests/install are not what the chart renders to
	@hack/manifests --verify

messages: ## Render what people are told, in both languages, into docs/messages.md
	@hack/messages

verify-messages: ## Fail when docs/messages.md is not what people are told
	@hack/messages --verify

values: ## Render the chart's values, and what each is, into charts/veriaidpo/README.md
	@hack/values

verify-values: ## Fail when that README is not what the values are
	@hack/values --verify

##@ Help
.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
