# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provider on the lab's router, whose API really moves a route: ``python3 -m providers SETTINGS``, a JSON file.

It has provider, listen ([address, port]), delay, and of one failover address: address, key (as the provider's data have it), first
(the server it goes to at first) and servers (what the provider calls each -> its IP address). While the file ``down`` exists nobody
gets an answer; each order is a line in the file ``orders``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from .hetzner_cloud import HetznerCloud
from .hetzner_robot import HetznerRobot
from .ovh import Ovh
from .scaleway import Scaleway
from .server import FakeProvider, Request

KINDS: dict[str, type[FakeProvider]] = {
    "ovh": Ovh,
    "hetzner_robot": HetznerRobot,
    "hetzner_cloud": HetznerCloud,
    "scaleway": Scaleway,
}


def set_route(address: str, gateway: str | None) -> None:
    """The kernel of the router sends the address there from now on."""
    action = ["replace", address, "via", gateway] if gateway else ["delete", address]
    subprocess.run(["ip", "route", *action], check=bool(gateway))
    print(f"{time.time():.2f} {address} goes to {gateway}", flush=True)


def main() -> None:
    settings: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(sys.argv[1]).parent
    servers: dict[str, str] = settings["servers"]
    server = KINDS[settings["provider"]](
        {settings["key"]: settings["first"]},
        list(servers),
        delay=settings["delay"],
        address=tuple(settings["listen"]),
        on_route=lambda _key, target: set_route(settings["address"], servers[target] if target else None),
    )
    set_route(settings["address"], servers[settings["first"]])
    plain = server.handle_request_of

    def noted(request: Request) -> Any:
        server.down = (folder / "down").exists()
        if request.method != "GET" and not server.down:
            with (folder / "orders").open("a") as stream:
                stream.write(json.dumps([time.time(), request.path, request.body.decode()]) + "\n")
        return plain(request)

    server.handle_request_of = noted  # type: ignore[method-assign]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while True:
        # A move is done when it is done, whether anybody asks or not.
        server.settle()
        time.sleep(0.02)


main()
