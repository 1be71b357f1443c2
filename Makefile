# Every target is one readable call; the work is in hack/streamvault_dev (plain Python, runs before anything is installed).
DEV = hack/dev

.DEFAULT_GOAL := help
.PHONY: help up down status test unit lint crd chart telegram stream operator e2e browser upkeep bench bench-installation images sessions lock chat

help: ## this list
	@sed -n 's/^\([a-z0-9 -]*\):.*## /\1\t/p' Makefile | expand -t 20

up: ## everything on this machine: cluster, images, chart, local Telegram, sample library
	@$(DEV) up

down: ## remove the release and stop exactly what `make up` started (WIPE=1: delete its data too)
	@$(DEV) down $(if $(WIPE),--wipe)

status: ## what runs
	@$(DEV) status

test: ## every test; brings the cluster up when it is not
	@$(DEV) test

unit: ## tests without a cluster
	@$(DEV) unit

lint: ## ruff, mypy, import-linter
	@$(DEV) lint

crd chart telegram stream operator e2e browser upkeep: ## the tests of that folder, with the cluster up
	@$(DEV) test tests/$@

bench: ## measure the running installation, and its parts by themselves; prints tables, writes build/bench/*.json
	@$(DEV) bench

bench-installation: ## measure a film of the cluster in KUBECONFIG (TITLE=name QUALITY=1080p SITE=https://... NAMESPACE=...)
	@$(DEV) bench-installation $(if $(TITLE),--title "$(TITLE)") $(if $(QUALITY),--quality "$(QUALITY)") \
		$(if $(SITE),--site "$(SITE)") $(if $(NAMESPACE),--namespace "$(NAMESPACE)")

images: ## build every image and start each once (PLATFORM=linux/arm64: for the board, under emulation)
	@$(DEV) images --platform "$(PLATFORM)"

sessions: ## declare the accounts of config/workers/*.session; `hack/sessions login NAME` makes such a file by phone
	@$(DEV) sessions

lock: ## renew every lock file
	@$(DEV) lock

chat: ## talk to the bot in the local Telegram as the admin
	@$(DEV) chat
