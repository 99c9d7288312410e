# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a package source with GlusterFS's installed packages under a higher version. Runs on a lab host, as root."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

SOURCE = Path("/opt/newer")
MARK = "+lab1"


def main() -> None:
    form = "${db:Status-Status} ${source:Package} ${Package} ${Version}\n"
    lines = out("dpkg-query", "--show", f"--showformat={form}").splitlines()
    installed = [line.split()[2:] for line in lines if line.startswith("installed glusterfs ")]
    versions = {version for _package, version in installed}
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir()
    os.chdir(SOURCE)
    out("apt-get", "-qq", "update")
    out("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *(f"{name}={was}" for name, was in installed))
    stanzas = []
    for package in sorted(SOURCE.glob("*.deb")):
        out("dpkg-deb", "--raw-extract", str(package), "unpacked")
        control = Path("unpacked/DEBIAN/control")
        text = control.read_text()
        for version in versions:
            text = re.sub(rf"{re.escape(version)}(?=[)\s])", version + MARK, text)
        control.write_text(text)
        package.unlink()
        made = SOURCE / package.name.split("_")[0]
        out("dpkg-deb", "-Znone", "--build", "unpacked", f"{made}.deb")
        shutil.rmtree("unpacked")
        content = made.with_suffix(".deb").read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        stanzas.append(f"{text.strip()}\nFilename: ./{made.name}.deb\nSize: {len(content)}\nSHA256: {digest}\n")
    (SOURCE / "Packages").write_text("\n".join(stanzas))
    Path("/etc/apt/sources.list.d/newer.list").write_text(f"deb [trusted=yes] file:{SOURCE} ./\n")


def out(*command: str) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode()


if __name__ == "__main__":
    main()
