#!/bin/sh
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Make the virtual environment in which everything else runs: make_venv.sh DIRECTORY REQUIREMENTS
set -eu

venv=$1
requirements=$2

python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "No Python 3.11 to 3.13 found, which ansible-core 2.19 needs on the controller; install one (Debian 12: apt install python3)." >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "==> Installing python3-venv: Debian keeps the part of Python that makes virtual environments in it."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
fi

echo "==> Making the virtual environment $venv with $("$python" --version) (about a minute)"
"$python" -m venv "$venv"
"$venv/bin/pip" install -qq --disable-pip-version-check --requirement "$requirements"
