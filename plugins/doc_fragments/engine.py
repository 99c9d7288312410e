# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options in module_utils/_engine.py."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - Where the Docker engine listens, as V(unix:///PATH), V(tcp://HOST:PORT) or V(ssh://USER@HOST).
      - The engine is the one of the host on which the task runs unless this says otherwise.
    type: str
    default: unix:///var/run/docker.sock
    aliases: [docker_url]
  tls:
    description: Use TLS without verifying who answers, unless O(validate_certs=true).
    type: bool
    default: false
  validate_certs:
    description: Use TLS, and verify the engine's certificate.
    type: bool
    default: false
    aliases: [tls_verify]
  ca_path:
    description: File with the certificates of the authorities that may have signed the engine's.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description: File with the client's certificate.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description: File with the key of O(client_cert).
    type: path
    aliases: [tls_client_key, key_path]
  timeout:
    description: How many seconds a single request to the engine may take.
    type: int
    default: 60
requirements:
  - Python 3.8 or newer
  - Docker SDK for Python 5.0 or newer (Debian and Ubuntu C(python3-docker))
  - Docker engine 20.10 or newer
notes:
  - Values for all modules that talk to an engine can be given once, with C(module_defaults) for the action group
    C(group/berthage.swarm.engine).
"""
