# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's end of the private link: what is, what has to be done, and its doing."""

from __future__ import annotations

import os
import time
from typing import Callable, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile, apply_now
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect.settings import FOLDER, is_key, parse_link
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

PROGRAM = "/usr/local/sbin/kubernetes-interconnect"
RESULT = "/run/kubernetes-interconnect/result"
SWITCH_UNIT = "kubernetes-interconnect-switch"


class LinkError(ProblemError):
    """The link of this host can't become what is wanted."""


class Wanted(NamedTuple):
    """What this host's end is to be: the texts of its files, and the addresses of the others."""

    link: str
    peers: str
    neighbours: Sequence[str]


class Now(NamedTuple):
    """What there is: the files, whether the interface that they name has its address, and whether an earlier one is still there."""

    link: str
    peers: str
    neighbours: str
    up: bool
    next: bool
    previous: bool


def read(runner: Runner) -> Now:
    """What there is on this host."""
    link = runner.read(FOLDER + "/link") or ""
    fields = parse_link(link)
    shown = ""
    if fields.get("INTERFACE"):
        shown = runner.run(["ip", "-oneline", "address", "show", "dev", fields["INTERFACE"]], timeout=30).stdout
    up = " %s " % fields.get("ADDRESS", "?") in shown
    return Now(
        link,
        runner.read(FOLDER + "/peers.conf") or "",
        runner.read(FOLDER + "/neighbours") or "",
        up,
        runner.exists(FOLDER + "/link.next"),
        runner.exists(FOLDER + "/link.previous"),
    )


def plan(wanted: Wanted, now: Now, in_use: bool) -> List[str]:
    """The steps: of write, up, replace, switch.

    :param in_use: whether the host is a member of a cluster, which must not lose its address.
    :raises LinkError: the change would take the address from a member of a cluster.
    """
    have, want = parse_link(now.link), parse_link(wanted.link)
    files = [
        path
        for path, text, held in (
            ("peers.conf", wanted.peers, now.peers),
            ("neighbours", _lines(wanted.neighbours), now.neighbours),
        )
        if text != held
    ]
    if not have:
        return ["write", "up"]
    if in_use and have.get("ADDRESS") != want["ADDRESS"]:
        raise LinkError(
            "interconnect_address",
            "this host is a member of a cluster as %s, and would become %s: certificates, etcd and every kubeconfig name the first"
            % (have.get("ADDRESS"), want["ADDRESS"]),
            "keep the address; a node that needs another one leaves (playbook remove) and joins again",
        )
    if have.get("INTERFACE") == want["INTERFACE"]:
        if any(have.get(name) != want[name] for name in ("TYPE", "PARENT", "VLAN")):
            raise LinkError(
                "interconnect_interface",
                "%s is another kind of link now" % want["INTERFACE"],
                "give the new one another name: both are there while the servers change over",
            )
        writes = ["write"] if files or now.link != wanted.link else []
        # A run that was killed left both.
        if now.previous:
            return writes + ["replace"]
        return writes + (["up"] if writes or not now.up else [])
    return ["write", "switch"] if in_use else ["write", "replace"]


def _lines(words: Sequence[str]) -> str:
    return "".join(word + "\n" for word in words)


class Linker:
    """Carries out the steps on this host."""

    def __init__(self, runner: Runner, wanted: Wanted, moment: int = 0) -> None:
        self.runner = runner
        self.wanted = wanted
        self.moment = moment

    def carry_out(self, steps: Sequence[str]) -> None:
        """One after the other; killed in between, the next run finds what is missing."""
        for step in steps:
            getattr(self, step)(steps)

    def write(self, steps: Sequence[str]) -> None:
        """The link's own file last: at a boot in between the earlier link comes up."""
        texts: Dict[str, str] = {"neighbours": _lines(self.wanted.neighbours), "peers.conf": self.wanted.peers}
        now = self.runner.read(FOLDER + "/link") or ""
        if "replace" in steps and parse_link(now).get("INTERFACE") != parse_link(self.wanted.link)["INTERFACE"]:
            texts["link.previous"] = now
        texts["link.next" if "switch" in steps else "link"] = self.wanted.link
        for path, text in texts.items():
            apply_now(self.runner, WantedFile("%s/%s" % (FOLDER, path), content=text, mode="0600"))

    def up(self, _steps: Sequence[str]) -> None:
        """Through the service, so that systemd knows that it is up."""
        for argv in (
            ["systemctl", "enable", "--quiet", "kubernetes-interconnect"],
            ["systemctl", "restart", "kubernetes-interconnect"],
        ):
            result = self.runner.run(argv, timeout=120)
            if result.rc != 0:
                said = self.runner.run(
                    ["journalctl", "--unit=kubernetes-interconnect", "--output=cat", "--lines=8", "--no-pager"], timeout=30
                )
                raise LinkError(
                    "kubernetes-interconnect",
                    "the link does not come up: %s" % (said.stdout.strip() or result.stderr.strip()),
                    "mend what these lines name and run the play again",
                )

    def replace(self, steps: Sequence[str]) -> None:
        """Nobody uses the address yet: the earlier interface goes once the new one has it, and a provider's card loses it."""
        self.up(steps)
        path = FOLDER + "/link.previous"
        before = parse_link(self.runner.read(path) or "")
        if before and before["INTERFACE"] != parse_link(self.wanted.link)["INTERFACE"]:
            taken = ["link", "delete"] if before.get("TYPE") != "untagged" else ["address", "delete", before.get("ADDRESS", "")]
            self.runner.run(["ip", *taken, "dev", before["INTERFACE"]], timeout=30)
        apply_now(self.runner, WantedFile(path, state="absent"))

    def switch(self, _steps: Sequence[str]) -> None:
        """At the moment that all hosts were told, by a process that outlives this connection."""
        self.runner.run(["systemctl", "reset-failed", SWITCH_UNIT], timeout=30)
        argv = ["systemd-run", "--unit", SWITCH_UNIT, "--collect", PROGRAM, "switch", str(self.moment)]
        result = self.runner.run(argv, timeout=30)
        if result.rc != 0:
            raise LinkError(
                "kubernetes-interconnect", "the change does not start: %s" % result.stderr.strip(), "run the play again"
            )


def wait_for_switch(runner: Runner, timeout: float, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Whether there was a change to wait for; it is done when this returns.

    :raises LinkError: this host went back to its earlier link, or the change did not end.
    """
    if not runner.exists(FOLDER + "/link.next"):
        return False
    deadline = runner.now() + timeout
    while runner.now() < deadline:
        result = (runner.read(RESULT) or "").strip()
        if result == "back":
            raise LinkError(
                "interconnect_type",
                "most of the other servers did not answer on the new link, so this one went back to the earlier one",
                "see that its port (UDP) or VLAN passes between the servers, then run the play again",
            )
        if not runner.exists(FOLDER + "/link.next"):
            return True
        sleep(0.5)
    raise LinkError(
        "interconnect_type",
        "the change did not end within %d s" % timeout,
        "read journalctl --unit %s on this host" % SWITCH_UNIT,
    )


def make_key(runner: Runner, path: str, write: bool) -> "tuple[str, bool]":
    """The public key, and whether the private one has to be made. It never leaves the host, and is no argument of a program.

    :raises LinkError: wg is missing, or the file holds something else.
    """
    private = (runner.read(path) or "").strip()
    missing = not private
    if missing and not write:
        return "", True
    if missing:
        private = _wg(runner, ["wg", "genkey"], None)
    if not is_key(private):
        raise LinkError(path, "it holds no key of WireGuard", "move it away, and the next run makes one")
    public = _wg(runner, ["wg", "pubkey"], private + "\n")
    if missing:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        apply_now(runner, WantedFile(path, content=private + "\n", mode="0600", sensitive=True))
    return public, missing


def _wg(runner: Runner, argv: Sequence[str], stdin: "str | None") -> str:
    result = runner.run(argv, timeout=30, stdin=stdin)
    if result.rc != 0:
        raise LinkError(
            argv[0], "%s failed: %s" % (argv[1], result.stderr.strip() or "code %d" % result.rc), "install wireguard-tools"
        )
    return result.stdout.strip()


def wanted_from(options: Mapping[str, object]) -> Wanted:
    """From a module's options."""
    return Wanted(str(options["link"]), str(options["peers"]), [str(one) for one in options["neighbours"]])  # type: ignore[attr-defined]
