#!/bin/bash
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# Three hosts of the lab, provisioned and proven just as a user would do it with machines of their own.
set -eu

root=$(git rev-parse --show-toplevel)
cd "$root"
began=$SECONDS
# The summary as a text of its own, not as a list of JSON strings.
export ANSIBLE_CALLBACK_RESULT_FORMAT=yaml

python -m lab up demo --hosts node1,node2,node3 --kind auto

# The lab comes last: its addresses win over the example's.
inventory=(-i examples/three-nodes -i .cache/lab/demo/inventory.yml)
echo "==> ansible-playbook berthage.swarm.site ${inventory[*]}"
ansible-playbook berthage.swarm.site "${inventory[@]}"
echo "==> ansible-playbook berthage.swarm.verify ${inventory[*]}"
ansible-playbook berthage.swarm.verify "${inventory[@]}"

echo "==> Done in $((SECONDS - began)) s. The hosts stay up; \`make lab-down\` removes them. To enter one:"
echo "    PYTHONPATH=molecule/shared python3 -m lab ssh demo node1"
