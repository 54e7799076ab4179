# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a program: ``python3 failover-ip.pyz SETTINGS CREDENTIALS``. Its log is what it prints."""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType
from typing import List, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.agent import Agent
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.api import LocalApi
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.holder import Holder, Host, Keepalived, LeaseHolder
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.metrics import text
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.settings import Settings, credentials, parse
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.journal import say
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.credentials import Host as Place
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.credentials import gather
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import ProviderError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import Clock
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.registry import make

#: Seconds between two writes of the metrics while nothing happens.
METRICS_SECONDS = 10.0


def main(arguments: Optional[List[str]] = None) -> int:
    """The program's exit code."""
    paths = sys.argv[1:] if arguments is None else arguments
    if len(paths) != 2:
        say("usage: failover-ip.pyz SETTINGS CREDENTIALS", sys.stderr)
        return 2
    try:
        settings = parse(_read(paths[0]))
        # Only this file: no environment of a service, and no home directory.
        known = gather(settings.provider, credentials(_read(paths[1])), host=Place({}, lambda _path: None))
        providers = {
            address: make(settings.provider, address, known, settings.base_url, settings.ca_file) for address in settings.addresses
        }
    except ProviderError as error:
        say(str(error), sys.stderr)
        return 2
    # Who has slower API servers than that needs longer claims.
    api = LocalApi(settings.kubeconfig, settings.api_address, settings.api_port, settings.claim_seconds / 3)
    agent = Agent(
        settings,
        api,
        holder(settings, api),
        providers.__getitem__,
        say,
        Clock(),
        tell=replace,
    )
    signal.signal(signal.SIGTERM, _leave)
    if settings.dry_run:
        agent.log("dry run: it only says what it would do")
    run(agent, settings)
    return 0


def holder(settings: Settings, api: LocalApi) -> Holder:
    """What is followed."""
    held = settings.held_addresses or settings.addresses
    if settings.follow == "lease":
        return LeaseHolder(Host(), held, api, settings.lease_namespace, settings.lease_name, settings.lease_identity)
    return Keepalived(Host(), held, settings.state_file)


def run(agent: Agent, settings: Settings) -> None:
    """Step after step, until a signal."""
    written, before = 0.0, ""
    while True:
        begun = time.monotonic()
        agent.step()
        state = agent.state()
        if settings.metrics_file and (repr(state) != before or begun - written >= METRICS_SECONDS):
            replace(settings.metrics_file, text(state, time.time()))
            written, before = begun, repr(state)
        time.sleep(max(0.05, settings.interval - (time.monotonic() - begun)))


def replace(path: str, content: str) -> None:
    """A reader sees the old text or the new one. A full or read-only disk is said, and stops nothing."""
    try:
        replace_file(path, content)
    except OSError as error:
        say("%s can't be written: %s" % (path, error.strerror))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as error:
        raise ProviderError(path, error.strerror or str(error), "run the playbook that writes it")


def _leave(_number: int, _frame: Optional[FrameType]) -> None:
    # The claim lapses by itself; a restart goes on with it, and with a task that runs at the provider.
    raise SystemExit(0)
