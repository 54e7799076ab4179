# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that a container runtime has, and archives (of docker save) brought into it, by the client that each runtime has."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RUNTIMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result, Runner


class Client(NamedTuple):
    """What lists a runtime's images and what brings more; ``{archive}``, ``{image}`` and ``{namespace}`` stand for themselves."""

    list_argv: Sequence[str]
    load_argv: Sequence[str]
    #: Whether load_argv brings one image at a time.
    one_by_one: bool = False


#: CRI-O shares its storage with podman and skopeo, and has no client of its own that brings images.
CLIENTS: Dict[str, Client] = {
    "containerd": Client(
        ("ctr", "--namespace", "{namespace}", "images", "list", "--quiet"),
        ("ctr", "--namespace", "{namespace}", "images", "import", "{archive}"),
    ),
    "docker": Client(
        ("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"),
        ("docker", "image", "load", "--quiet", "--input", "{archive}"),
    ),
    "crio": Client(
        ("crictl", "--runtime-endpoint", RUNTIMES["crio"].socket, "images", "--output", "json"),
        ("skopeo", "copy", "--insecure-policy", "docker-archive:{archive}:{image}", "containers-storage:{image}"),
        one_by_one=True,
    ),
}


def listing(runner: Runner, runtime: str, namespace: str = "k8s.io") -> Result:
    """What the runtime's client says when asked for its images; its words are for ``names``."""
    return runner.run(_filled(CLIENTS[runtime].list_argv, namespace), timeout=120)


def names(runtime: str, said: str) -> List[str]:
    """The full names of the images in the output of ``listing``."""
    if runtime == "crio":
        try:
            return [str(tag) for image in from_json(said or "{}").get("images") or [] for tag in image.get("repoTags") or []]
        except (ValueError, AttributeError):
            return []
    return [full_name(line) if runtime == "docker" else line for line in said.split()]


def load(runner: Runner, runtime: str, archive: str, images: Sequence[str], namespace: str = "k8s.io") -> Result:
    """Bring the archive's images; the result is that of the first command that failed, or of the last one."""
    client = CLIENTS[runtime]
    result = Result(0, "", "")
    for image in images if client.one_by_one else [""]:
        result = runner.run(_filled(client.load_argv, namespace, archive, image), timeout=1800)
        if result.rc != 0:
            break
    return result


def full_name(image: str) -> str:
    """An image's name with its registry: Docker leaves docker.io out where it lists them."""
    first, separator, _rest = image.partition("/")
    if not separator:
        return "docker.io/library/" + image
    return image if "." in first or ":" in first or first == "localhost" else "docker.io/" + image


def _filled(argv: Sequence[str], namespace: str, archive: str = "", image: str = "") -> List[str]:
    values = {"{namespace}": namespace, "{archive}": archive, "{image}": image}
    filled = []
    for word in argv:
        for name, value in values.items():
            word = word.replace(name, value)
        filled.append(word)
    return filled
