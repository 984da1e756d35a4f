# What people type. Each target does its own set-up on a Debian machine as root, and is quick where that is done.
#
#   make rehearse   watch a launch on this machine's Docker engine, no AWS account
#                   make rehearse ARGS="--spec web.yaml --parameters parameters.yaml"
#   make test       everything CI runs
#   make build      the static release binary; TARGET=aarch64-unknown-linux-musl for Graviton
#   make package    the deb and the rpm of that binary, in target/packages; TARGET likewise
#   make image-local  the bootable test hosts, Debian 12 and 13, made as an AMI is
#   make bench      firstlight, the user-data script and the floor, timed side by side
#   make bench-boot   a cold boot with firstlight and one without
#   make bench-fleet  a thousand launches at once against an account's limits
#   make setup      only the set-up that those above do

SHELL := /bin/bash
TARGET ?= x86_64-unknown-linux-musl
ARGS ?=
ENV := source packaging/env &&

.PHONY: rehearse test build package image-local bench bench-boot bench-fleet setup clean

rehearse:
	@packaging/setup rust static stage
	@packaging/build
	@$(ENV) cargo run --quiet --locked --package firstlight-tests --bin rehearse -- $(ARGS)

test:
	@tests/run

build:
	@packaging/setup rust static
	@packaging/build $(TARGET)

package:
	@packaging/setup rust static package
	@packaging/build $(TARGET)
	@packaging/package $(firstword $(subst -, ,$(TARGET)))

image-local:
	@packaging/setup rust static package host
	@packaging/build
	@packaging/package x86_64
	@$(ENV) ami/local/build "$$target_dir"/packages/firstlight_*_amd64.deb

bench:
	@packaging/setup rust static stage bench
	@packaging/build
	@# Together with the agent: the floor then has the agent's dependencies, built the same way.
	@$(ENV) cargo build --release --locked --target x86_64-unknown-linux-musl --package firstlight --package firstlight-floor
	@$(ENV) cargo run --locked --package firstlight-tests --bin bench -- $(ARGS)

bench-boot: image-local
	@packaging/setup stage
	@$(ENV) cargo run --locked --package firstlight-tests --bin bench-boot -- $(ARGS)

bench-fleet:
	@packaging/setup rust static
	@# As the agent is built, whose dependencies it has.
	@$(ENV) cargo build --release --locked --target x86_64-unknown-linux-musl --package firstlight-fleet
	@$(ENV) cargo run --locked --package firstlight-tests --bin bench-fleet -- $(ARGS)

setup:
	@packaging/setup rust static deny qemu package host templates bench

clean:
	rm -rf target .setup
