#!/bin/bash
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# ansible-test sanity on the files that the archive ships, in a tree laid out as ansible-test demands.
set -eu

root=$(git rev-parse --show-toplevel)
build=$root/.build
tree=$build/ansible_collections/berthage/swarm
python=$(python -c 'import sys; print("%d.%d" % sys.version_info[:2])')

rm -rf "$tree"
mkdir -p "$tree" "$build/home/.ansible/test/cache"
cd "$root"
git ls-files -z --cached --others --exclude-standard -- . ':!molecule' ':!tests/[a-rt-z]*' ':!.ci' ':!.config' |
    xargs -0 --no-run-if-empty cp --parents --target-directory="$tree" --no-dereference
git -C "$tree" init --quiet
git -C "$tree" add --all

# ansible-test would download its pip bootstrap script; the standard library has the same in ensurepip.
cat >"$build/home/.ansible/test/cache/get_pip_24_2.py" <<'PYTHON'
import ensurepip

ensurepip.bootstrap(default_pip=True)
PYTHON

cd "$tree"
HOME=$build/home ansible-test sanity --local --python "$python" --color no "$@"
