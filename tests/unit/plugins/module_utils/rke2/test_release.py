# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release's files put in their places, whole or not at all."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.errors import Rke2Error
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.release import WantedRelease, install_release, parse_version
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from conftest import ROOT

VERSION = "v1.36.3+rke2r1"
_SPEC = importlib.util.spec_from_file_location("played_release", ROOT / "molecule" / "rke2_ha" / "played" / "release.py")
assert _SPEC is not None and _SPEC.loader is not None
played = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(played)


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    played.make(tmp_path / "artifacts", VERSION)
    return tmp_path


def install(folder: pathlib.Path, check: bool = False, version: str = VERSION, programs: bool = True) -> List[str]:
    wanted = WantedRelease(str(folder / "artifacts"), version, "x86_64", ["rke2-images"], programs, str(folder / "root"))
    return install_release(wanted, HostRunner(), check)


def tree(folder: pathlib.Path) -> List[str]:
    root = folder / "root"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_everything_is_put_in_its_place_once(folder: pathlib.Path) -> None:
    assert install(folder, check=True) and tree(folder) == []
    assert len(install(folder)) == 2
    found = tree(folder)
    assert {"usr/local/bin/rke2", "usr/local/lib/systemd/system/rke2-server.service", "usr/local/share/rke2/keys.json"} <= set(
        found
    )
    assert "var/lib/rancher/rke2/agent/images/rke2-images.linux-amd64.tar.zst" in found
    assert (folder / "root/usr/local/bin/rke2").stat().st_mode & 0o777 == 0o755
    assert not [name for name in found if "/." in name], "nothing unfinished is left"
    assert install(folder) == [] and install(folder, check=True) == []


def test_a_run_that_was_killed_before_its_end_is_made_good(folder: pathlib.Path) -> None:
    install(folder)
    (folder / "root/var/lib/baremetal-kubernetes/rke2-release.json").unlink()
    assert install(folder) == ["/usr/local/bin/rke2: " + VERSION]


@pytest.mark.parametrize("name", ["rke2.linux-amd64.tar.gz", "rke2-images.linux-amd64.tar.zst"])
def test_a_file_that_is_not_what_its_checksum_says_changes_nothing(folder: pathlib.Path, name: str) -> None:
    with open(folder / "artifacts" / name, "ab") as stream:
        stream.write(b"x")
    with pytest.raises(Rke2Error, match="its sha256 is"):
        install(folder)
    assert [path for path in tree(folder) if "usr/local" in path or "images" in path] == []


@pytest.mark.parametrize(
    "name, said",
    [("sha256sum-amd64.txt", "nothing here can be trusted"), ("rke2-images.linux-amd64.tar.zst", "no archive rke2-images")],
)
def test_a_file_that_is_missing_is_named(folder: pathlib.Path, name: str, said: str) -> None:
    (folder / "artifacts" / name).unlink()
    with pytest.raises(Rke2Error, match=said):
        install(folder)


def test_files_of_another_version_are_refused_and_the_old_program_stays(folder: pathlib.Path) -> None:
    install(folder)
    with pytest.raises(Rke2Error, match=r"its program says v1.36.3\+rke2r1, and v1.36.4\+rke2r1 is wanted"):
        install(folder, version="v1.36.4+rke2r1")
    assert VERSION in (folder / "root/usr/local/bin/rke2").read_text()


def test_images_alone_are_brought_while_the_program_stays(folder: pathlib.Path) -> None:
    assert len(install(folder, programs=False)) == 1
    assert not [name for name in tree(folder) if name.startswith("usr")]


def test_the_version_is_the_third_word_of_what_the_program_says() -> None:
    assert parse_version("rke2 version v1.36.3+rke2r1 (abc)\ngo version go1.26\n") == VERSION
    assert parse_version("rke2: not found") == ""
