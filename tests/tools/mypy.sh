#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Types: the collection under its name in Ansible, then the lab and the tools.
set -eu

cd "$ANSIBLE_COLLECTIONS_PATH"
mypy --config-file ansible_collections/berthage/swarm/pyproject.toml \
    -p ansible_collections.berthage.swarm.plugins
cd ansible_collections/berthage/swarm
(cd molecule/shared && mypy --config-file ../../pyproject.toml -p lab)
mypy tests/lint tests/lab
(cd tests/tools && mypy --config-file ../../pyproject.toml .)
(cd tests/bench && mypy --config-file ../../pyproject.toml .)
