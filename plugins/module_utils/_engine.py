# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker connection: options, one thin client, and errors in the user's words."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Mapping

try:
    import docker
    import requests

    SDK_ERROR: ImportError | None = None
except ImportError as error:
    SDK_ERROR = error

# The names are those of community.docker, so that one set of variables serves both collections.
ENGINE_ARGUMENTS: dict[str, dict[str, Any]] = {
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock", "aliases": ["docker_url"]},
    "tls": {"type": "bool", "default": False},
    "validate_certs": {"type": "bool", "default": False, "aliases": ["tls_verify"]},
    "ca_path": {"type": "path", "aliases": ["ca_cert", "tls_ca_cert", "cacert_path"]},
    "client_cert": {"type": "path", "aliases": ["tls_client_cert", "cert_path"]},
    "client_key": {"type": "path", "aliases": ["tls_client_key", "key_path"], "no_log": False},
    "timeout": {"type": "int", "default": 60},
}


class EngineError(Exception):
    """The engine did not do what it was asked. The text says which engine, why, and what to do where that is known."""

    may_have_happened = False


class EngineUnreachable(EngineError):
    """No engine answers at the address."""


class EngineLost(EngineUnreachable):
    """The connection broke after the engine may have got the request. What it was asked may have happened."""

    may_have_happened = True


class EngineTimeout(EngineError):
    """The engine took longer than the limit of this call. What it was asked may still happen."""

    may_have_happened = True


class EngineRefusal(EngineError):
    """The engine answered with an error. `status` is the HTTP status, `reason` the engine's own words."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"the engine says: {reason} (HTTP status {status})")


class Engine:
    """The Docker Engine API of one engine, as plain requests.

    The collection asks for whole sets (every volume, every container) and for calls that the SDK does not offer, so it
    uses the SDK for what is hard to get right (sockets, SSH, TLS, API version) and speaks the documented API itself:
    https://docs.docker.com/reference/api/engine/
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self.address = address

    @classmethod
    def connect(cls, options: Mapping[str, Any]) -> Engine:
        """Connect as the module's options say.

        Raises:
            EngineError: the SDK is missing, the TLS options are wrong, or no engine answers.
        """
        if SDK_ERROR is not None:
            raise EngineError(
                f"the Python package `docker` is missing for the interpreter of this task ({SDK_ERROR}); install "
                "python3-docker, which the role berthage.swarm.docker_engine does, or set ansible_python_interpreter"
            )
        address = options["docker_host"]
        try:
            client = docker.APIClient(
                base_url=address, version="auto", timeout=options["timeout"], tls=_tls_configuration(options)
            )
        except _connection_errors() as error:
            raise EngineUnreachable(_why_unreachable(address, error)) from error
        return cls(client, address)

    @property
    def is_remote(self) -> bool:
        """Whether the engine may run on another host than this task."""
        return not self.address.startswith(("unix://", "http+unix://", "npipe://"))

    def get(self, path: str, /, timeout: float | None = None, **parameters: Any) -> Any:
        return self._call("GET", path, parameters, timeout)

    def post(
        self, path: str, body: Mapping[str, Any] | None = None, /, timeout: float | None = None, **parameters: Any
    ) -> Any:
        return self._call("POST", path, parameters, timeout, **({} if body is None else {"json": body}))

    def delete(self, path: str, /, timeout: float | None = None, **parameters: Any) -> Any:
        return self._call("DELETE", path, parameters, timeout)

    def head(self, path: str, /, timeout: float | None = None, **parameters: Any) -> Any:
        return self._call("HEAD", path, parameters, timeout)

    def send(self, path: str, content: bytes, /, timeout: float | None = None, **parameters: Any) -> Any:
        """POST of a tar archive, as `/images/create` and `/containers/ID/archive` take it."""
        return self._call("POST", path, parameters, timeout, data=content)

    def peek(self, path: str, size: int, /, timeout: float | None = None, **parameters: Any) -> bytes:
        """The first `size` bytes of what GET answers, which may be far more: the rest is not read."""
        response = self._answer("GET", path, parameters, timeout, stream=True)
        beginning = b""
        try:
            for part in response.iter_content(size):
                beginning += part
                if len(beginning) >= size:
                    break
        except _transport_errors() as error:
            raise EngineUnreachable(_why_unreachable(self.address, error)) from error
        finally:
            response.close()
        return beginning

    def _call(
        self, method: str, path: str, parameters: Mapping[str, Any], timeout: float | None, **payload: Any
    ) -> Any:
        response = self._answer(method, path, parameters, timeout, **payload)
        if "application/json" in response.headers.get("Content-Type", "") and response.content:
            return response.json()
        return response.content

    def _answer(
        self, method: str, path: str, parameters: Mapping[str, Any], timeout: float | None, **payload: Any
    ) -> Any:
        # APIClient has no public way to a URL; its own methods, and every extension of it, build theirs like this.
        url = self._client._url("{0}", path).replace("%2F", "/")
        try:
            response = self._client.request(
                method, url, params=_encoded(parameters), timeout=timeout or self._client.timeout, **payload
            )
        except requests.exceptions.Timeout as error:
            raise EngineTimeout(
                f"the engine at {self.address} did not answer {method} {path} "
                f"within {timeout or self._client.timeout:g} s"
            ) from error
        except _transport_errors() as error:
            if not _may_have_been_sent(error):
                raise EngineUnreachable(_why_unreachable(self.address, error)) from error
            raise EngineLost(
                f"the connection to the engine at {self.address} broke ({error}), so that whether it did "
                f"{method} {path} is not known; see that the engine runs, then run again"
            ) from error
        if response.status_code >= 400:
            raise EngineRefusal(response.status_code, _reason(response))
        return response


def _transport_errors() -> tuple[type[Exception], ...]:
    """What a connection can fail with. Of ssh the SDK lets the errors of its library through, where it has one."""
    ssh = sys.modules.get("paramiko")
    return (requests.exceptions.RequestException, OSError, EOFError, *((ssh.SSHException,) if ssh else ()))


def _connection_errors() -> tuple[type[Exception], ...]:
    """What making a connection can fail with. ValueError: an address that is none."""
    return (docker.errors.DockerException, ValueError, *_transport_errors())


def _may_have_been_sent(error: BaseException) -> bool:
    """Whether the connection was there, so that the request may have reached the engine."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ConnectionRefusedError, FileNotFoundError, PermissionError)):
            return False
        if isinstance(cause, requests.exceptions.ConnectTimeout) or type(cause).__name__ == "NewConnectionError":
            return False
        cause = cause.__cause__ or cause.__context__
    return True


def _encoded(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Query parameters as the engine reads them: booleans as 0 and 1 (it takes `False` for true), filters as JSON."""
    return {
        name: int(value) if isinstance(value, bool) else json.dumps(value) if isinstance(value, dict) else value
        for name, value in parameters.items()
    }


def _tls_configuration(options: Mapping[str, Any]) -> Any:
    if not (options["tls"] or options["validate_certs"]):
        return False
    pair = (options["client_cert"], options["client_key"])
    return docker.tls.TLSConfig(
        client_cert=pair if all(pair) else None,
        ca_cert=options["ca_path"],
        verify=options["validate_certs"],
    )


def _why_unreachable(address: str, error: Exception) -> str:
    text = str(error)
    if "Permission denied" in text:
        return (
            f"no permission for the engine at {address}; run the task with `become: true` or as a member of its group"
        )
    if address.startswith("unix://") and not os.path.exists(address[len("unix://") :]):
        return (
            f"no Docker engine at {address}: the socket does not exist; start the engine (systemctl start docker), "
            "install it with the role berthage.swarm.docker_engine, or set docker_host"
        )
    return f"no Docker engine answers at {address} ({text}); see `systemctl status docker` on that host, then run again"


def _reason(response: Any) -> str:
    """The engine's own words: JSON with a message, or, of a HEAD request, which has no body, only the status."""
    try:
        return str(response.json()["message"]).strip()
    except (ValueError, KeyError, TypeError):
        return str(response.text.strip() or response.reason)
