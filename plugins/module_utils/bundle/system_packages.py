# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of a distribution with all that they depend on, as a repository in the bundle.

They are chosen in a root of their own, in which nothing is installed: so the repository is complete for a host that has nothing
of it, and the fetching host's own packages neither decide nor change.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from typing import Dict, List, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.digests import sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Result, Runner

PATIENCE = 3600
#: apt's --print-uris: 'URL' name size checksum
_URI = re.compile(r"^'[^']+' (\S+) ([0-9]{1,18}) ", re.MULTILINE)


class Wanted(NamedTuple):
    """Packages of one system, as debian-12; ``sources`` is the text of apt's or dnf's, empty for the host's own."""

    system: str
    family: str
    names: Sequence[str]
    sources: str = ""
    architecture: str = "amd64"


def sizes(wanted: Wanted, scratch: str, runner: Runner) -> Dict[str, int]:
    """File -> bytes of all that would be fetched; empty where dnf would tell only by fetching.

    :raises BundleError: a package is not known.
    """
    if wanted.family != "debian":
        return {}
    argv = _apt(wanted, scratch, runner)
    return {name: int(size) for name, size in _URI.findall(_run([*argv, "--print-uris", *wanted.names], wanted, runner).stdout)}


def fetch(wanted: Wanted, scratch: str, folder: str, runner: Runner) -> Dict[str, str]:
    """Make ``folder`` the repository; its files, by their path in it -> sha256. What ``scratch`` has is not fetched again.

    :raises BundleError: a package is not known, or can't be had.
    """
    fresh = folder + ".new"
    shutil.rmtree(fresh, ignore_errors=True)
    os.makedirs(fresh)
    if wanted.family == "debian":
        _run([*_apt(wanted, scratch, runner), "--download-only", *wanted.names], wanted, runner)
        archives = os.path.join(scratch, "cache", "archives")
        for name in sorted(os.listdir(archives)):
            if name.endswith(".deb"):
                # apt writes the colon of an epoch as %3a, and would decode it where it reads Filename.
                shutil.copyfile(os.path.join(archives, name), os.path.join(fresh, name.replace("%3a", ".")))
        _index(fresh, runner)
    else:
        _run(_dnf(wanted, scratch, fresh), wanted, runner)
        _run(["createrepo_c", "--quiet", fresh], wanted, runner)
    files = {}
    for root, _folders, names in os.walk(fresh):
        for name in names:
            path = os.path.join(root, name)
            files[os.path.relpath(path, fresh)] = sha256_of(path)
    shutil.rmtree(folder, ignore_errors=True)
    os.rename(fresh, folder)
    return files


def _apt(wanted: Wanted, scratch: str, runner: Runner) -> List[str]:
    """The beginning of apt-get install in a root where no package is installed, its lists fresh."""
    for part in ("state/lists/partial", "cache/archives/partial", "sources.d"):
        os.makedirs(os.path.join(scratch, part), exist_ok=True)
    # An empty list of what is installed
    with open(os.path.join(scratch, "status"), "w", encoding="utf-8"):
        pass
    settings = {
        "Dir::State": os.path.join(scratch, "state"),
        "Dir::State::status": os.path.join(scratch, "status"),
        "Dir::Cache": os.path.join(scratch, "cache"),
        "APT::Architecture": wanted.architecture,
        "APT::Architectures": wanted.architecture,
        "APT::Install-Recommends": "false",
        # The folders are this user's alone.
        "APT::Sandbox::User": "root",
        # Pins of the fetching host do not count.
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": os.path.join(scratch, "sources.d", "none"),
        "APT::Keep-Downloaded-Packages": "true",
    }
    if wanted.sources:
        deb822 = "Types:" in wanted.sources
        path = os.path.join(scratch, "sources.d", "offline.%s" % ("sources" if deb822 else "list"))
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(wanted.sources.rstrip() + "\n")
        settings.update({"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": os.path.dirname(path)})
    base = ["apt-get", "--quiet", "--quiet", "--yes"]
    for name, value in settings.items():
        base += ["-o", "%s=%s" % (name, value)]
    _run([*base, "-o", "APT::Update::Error-Mode=any", "update"], wanted, runner)
    return [*base, "install"]


def _dnf(wanted: Wanted, scratch: str, folder: str) -> List[str]:
    release = wanted.system.partition("-")[2]
    argv = ["dnf", "--assumeyes", "--quiet", "--installroot", os.path.join(scratch, "root"), "--releasever", release]
    if wanted.sources:
        repositories = os.path.join(scratch, "repos.d")
        os.makedirs(repositories, exist_ok=True)
        with open(os.path.join(repositories, "offline.repo"), "w", encoding="utf-8") as stream:
            stream.write(wanted.sources.rstrip() + "\n")
    else:
        repositories = "/etc/yum.repos.d"
    argv += ["--setopt=reposdir=%s" % repositories, "--setopt=install_weak_deps=False"]
    return [*argv, "download", "--resolve", "--alldeps", "--destdir", folder, *wanted.names]


def _run(argv: Sequence[str], wanted: Wanted, runner: Runner) -> Result:
    result = runner.run(list(argv), timeout=PATIENCE, env={"DEBIAN_FRONTEND": "noninteractive"})
    if result.rc == NOT_FOUND:
        raise BundleError(
            "packages of %s" % wanted.system,
            "%s is not installed on the host that fetches" % argv[0],
            "install it, or name a host of the same family in offline_fetch_host",
        )
    if result.rc != 0:
        words = [line for line in (result.stderr + result.stdout).splitlines() if line.startswith(("E:", "W:", "Error", "No "))]
        raise BundleError(
            "packages of %s" % wanted.system,
            "%s: %s" % (argv[0], " ".join(words[-6:]) or result.stderr.strip()[-400:] or "it gave no reason"),
            "see the names, and the sources in offline_package_sources; the next run goes on from here",
        )
    return result


def _index(folder: str, runner: Runner) -> None:
    """Packages and Release of a flat repository of the .deb files in the folder."""
    entries = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        control = runner.run(["dpkg-deb", "--field", path], timeout=60)
        if control.rc != 0:
            raise BundleError(
                path, "dpkg-deb does not take it: %s" % control.stderr.strip(), "remove the bundle's packages and fetch anew"
            )
        entry = "%s\nFilename: ./%s\nSize: %d\nSHA256: %s\n"
        entries.append(entry % (control.stdout.rstrip(), name, os.path.getsize(path), sha256_of(path)))
    text = "\n".join(entries)
    encoded = text.encode("utf-8")
    # apt wants a date; one of today would make each bundle another one.
    release = "Origin: baremetal.kubernetes\nLabel: offline\nDate: Wed, 01 Jan 2020 00:00:00 UTC\nSHA256:\n %s %d Packages\n"
    for name, content in (("Packages", text), ("Release", release % (hashlib.sha256(encoded).hexdigest(), len(encoded)))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as stream:
            stream.write(content)
