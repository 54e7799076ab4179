# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container images from registries into archives of a bundle, by skopeo."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner

PATIENCE = 3600


class Source(NamedTuple):
    """Where images come from: architecture, mirrors (registry -> address with scheme), and skopeo's file of credentials."""

    architecture: str
    mirrors: Mapping[str, str]
    authentication: str = ""


class Found(NamedTuple):
    """An image in its registry."""

    digest: str
    size: Optional[int]


def archive_of(reference: str) -> str:
    """The path in the bundle of an image's archive."""
    return "images/%s.tar" % re.sub(r"[^A-Za-z0-9._-]+", "_", reference)


def check_reference(reference: str) -> None:
    """:raises BundleError: it is no whole reference with a tag, which is what an archive can carry."""
    registry, slash, rest = reference.partition("/")
    if not slash or not re.search(r"[.:]|^localhost$", registry):
        raise BundleError(
            "image %s" % reference, "it names no registry", "write it in full, as in docker.io/library/%s" % reference
        )
    if "@" in rest or ":" not in rest:
        raise BundleError(
            "image %s" % reference, "it has no tag, or a digest beside it", "write name:tag; the digest goes into bundle.json"
        )


def look(reference: str, digest: str, source: Source, runner: Runner) -> Found:
    """The image's digest (checked against ``digest`` where that is given) and size.

    :raises BundleError: skopeo is missing, or the registry does not have it.
    """
    check_reference(reference)
    raw = _inspect(_location(reference, source)[0] if not digest else _at(reference, digest, source), reference, source, runner)
    found = "sha256:" + hashlib.sha256(raw.encode("utf-8")).hexdigest()
    if digest and found != digest:
        raise BundleError(
            "image %s" % reference, "the registry has %s, and the lock file says %s" % (found, digest), "see which is right"
        )
    return Found(found, _size(_manifest(raw, reference), reference, source, runner))


def fetch(reference: str, digest: str, path: str, source: Source, runner: Runner) -> None:
    """Bring exactly this image into an archive that carries its name and tag.

    :raises BundleError: skopeo says why not.
    """
    part = path + ".part"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    # skopeo adds nothing to an archive that is there.
    if os.path.exists(part):
        os.remove(part)
    plain = ["--src-tls-verify=false"] if _location(reference, source)[1] else []
    authentication = ["--src-authfile", source.authentication] if source.authentication else []
    argv = ["skopeo", "--override-os", "linux", "--override-arch", source.architecture, "copy", "--quiet", "--retry-times", "3"]
    argv += plain + authentication + [_at(reference, digest, source), "docker-archive:%s:%s" % (part, reference)]
    result = runner.run(argv, timeout=PATIENCE)
    if result.rc != 0:
        raise _refused(reference, result.rc, result.stderr)
    os.replace(part, path)


def _location(reference: str, source: Source) -> Tuple[str, bool]:
    """skopeo's name of the image where it is fetched, and whether that registry speaks plain HTTP."""
    registry, _slash, rest = reference.partition("/")
    mirror = str(source.mirrors.get(registry, ""))
    if not mirror:
        return "docker://" + reference, False
    scheme, _separator, address = mirror.partition("://")
    return "docker://%s/%s" % (address.rstrip("/"), rest), scheme == "http"


def _at(reference: str, digest: str, source: Source) -> str:
    """The image by its digest, so that a tag which moves meanwhile changes nothing."""
    return "%s@%s" % (_location(reference, source)[0].rpartition(":")[0], digest)


def _inspect(location: str, reference: str, source: Source, runner: Runner) -> str:
    plain = ["--tls-verify=false"] if _location(reference, source)[1] else []
    authentication = ["--authfile", source.authentication] if source.authentication else []
    result = runner.run(["skopeo", "inspect", "--raw", "--retry-times", "3", *plain, *authentication, location], timeout=300)
    if result.rc != 0:
        raise _refused(reference, result.rc, result.stderr)
    return result.stdout


def _size(manifest: Dict[str, Any], reference: str, source: Source, runner: Runner) -> Optional[int]:
    entries: List[Dict[str, Any]] = manifest.get("manifests") or []
    for entry in entries:
        platform = entry.get("platform") or {}
        if platform.get("os") == "linux" and platform.get("architecture") == source.architecture and entry.get("digest"):
            raw = _inspect(_at(reference, str(entry["digest"]), source), reference, source, runner)
            manifest = _manifest(raw, reference)
            break
    parts = [manifest.get("config") or {}, *(manifest.get("layers") or [])]
    return sum(int(part.get("size") or 0) for part in parts) or None


def _manifest(text: str, reference: str) -> Dict[str, Any]:
    """An image's manifest or index, as skopeo brings it."""
    part = {"size?": int, "digest?": str}
    form = {"manifests?": [{**part, "platform?": {str: object}}], "layers?": [part], "config?": part}
    try:
        found: Dict[str, Any] = from_json(text, form)
    except ValueError as error:
        raise BundleError("image %s" % reference, "its manifest is none: %s" % error, "see what answers in the registry's place")
    return found


def _refused(reference: str, code: int, words: str) -> BundleError:
    if code == NOT_FOUND:
        return BundleError(
            "image %s" % reference, "skopeo is not installed on the host that fetches", "install the package skopeo there"
        )
    return BundleError(
        "image %s" % reference,
        "skopeo can't fetch it: %s" % (" ".join(words.split())[-400:] or "no reason given"),
        "see whether the host reaches the registry; credentials go into the file of offline_image_credentials",
    )


class Target(NamedTuple):
    """A registry that images are pushed to: its address with scheme, skopeo's file of credentials, its authority's folder."""

    address: str
    authentication: str = ""
    certificates: str = ""


def place_in(target: Target, reference: str) -> str:
    """Where nodes that have the registry as a mirror look for the image: under its path, without its own registry's name."""
    return "%s/%s" % (target.address.partition("://")[2].rstrip("/"), reference.partition("/")[2])


def push(reference: str, archive: str, target: Target, runner: Runner, check: bool) -> bool:
    """Bring the image of a bundle's archive into the registry; whether it was (with ``check``: would be) another one before.

    :raises BundleError: skopeo says why not.
    """
    plain = target.address.startswith("http://")
    access = ["--authfile", target.authentication] if target.authentication else []
    access += ["--cert-dir", target.certificates] if target.certificates else []
    there = "docker://" + place_in(target, reference)
    source = "docker-archive:%s:%s" % (archive, reference)
    tls = ["--tls-verify=false"] if plain else []
    found = runner.run(["skopeo", "inspect", "--raw", *tls, *access, there], timeout=300)
    own = runner.run(["skopeo", "inspect", "--raw", source], timeout=300)
    if own.rc != 0:
        raise _refused(reference, own.rc, own.stderr)
    # The manifests of archive and registry differ in how layers are packed; the configuration names the content.
    config = _manifest(own.stdout, reference).get("config")
    if found.rc == 0 and _manifest(found.stdout, reference).get("config") == config:
        return False
    if not check:
        to = ["--dest-tls-verify=false"] if plain else []
        to += ["--dest-authfile", target.authentication] if target.authentication else []
        to += ["--dest-cert-dir", target.certificates] if target.certificates else []
        pushed = runner.run(["skopeo", "copy", "--quiet", "--retry-times", "3", *to, source, there], timeout=PATIENCE)
        if pushed.rc != 0:
            raise BundleError(
                there,
                "skopeo can't push to it: %s" % " ".join(pushed.stderr.split())[-400:],
                "see whether it answers, and the file of offline_registry_credentials",
            )
    return True
