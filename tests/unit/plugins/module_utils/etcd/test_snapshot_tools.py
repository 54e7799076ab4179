# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the programs that a host and its images have restores a snapshot."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.tools import Tools
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

IMAGE = "registry.k8s.io/etcd:"


class Host:
    """A host whose programs, and those in its images, have the versions that are given."""

    def __init__(self, programs: Dict[str, str], images: Dict[str, str]) -> None:
        self.programs, self.images = programs, images

    def which(self, name: str) -> Optional[str]:
        return "/usr/bin/" + name if name in self.programs or name == "ctr" else None

    def run(self, argv: Sequence[str], timeout: float = 0, stdin: Any = None, env: Any = None) -> Result:
        words: List[str] = list(argv)
        if words[-1] == "--quiet":
            return Result(0, "\n".join(IMAGE + tag for tag in self.images), "")
        if words[0] == "ctr":
            tag = next(word for word in words if word.startswith(IMAGE))[len(IMAGE) :]
            version = self.images[tag]
            name = words[-2]
            # etcdutl came with 3.5.
            return Result(0, "%s version: %s" % (name, version), "") if name == "etcdctl" or version >= "3.5" else Result(1, "", "")
        name = words[0].rpartition("/")[2]
        return Result(0, "%s version: %s" % (name, self.programs[name]), "")


@pytest.mark.parametrize(
    ("programs", "images", "chosen"),
    [
        ({"etcdutl": "3.6.5", "etcdctl": "3.6.5"}, {}, ("etcdutl", "", (3, 6))),
        ({"etcdctl": "3.5.21"}, {"3.6.5-0": "3.6.5"}, ("etcdctl", "", (3, 5))),
        # Debian's etcdctl would leave the former members in the data, which etcd 3.6 takes for its own.
        ({"etcdctl": "3.4.23"}, {"3.5.24-0": "3.5.24"}, ("etcdutl", IMAGE + "3.5.24-0", (3, 5))),
        ({"etcdctl": "3.4.23"}, {"3.4.13-0": "3.4.13"}, ("etcdctl", "", (3, 4))),
        ({"etcdctl": "3.6.5"}, {"3.6.5-0": "3.6.5"}, ("etcdutl", IMAGE + "3.6.5-0", (3, 6))),
        ({}, {"3.4.13-0": "3.4.13"}, ("etcdctl", IMAGE + "3.4.13-0", (3, 4))),
    ],
)
def test_a_program_restores_that_takes_out_the_former_members(programs: Any, images: Any, chosen: Any) -> None:
    tool = Tools(Host(programs, images)).restorer()  # type: ignore[arg-type]
    assert (tool.name, tool.image, tool.version) == chosen
