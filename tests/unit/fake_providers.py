"""The lab's providers, each with an address that goes to server A and may go to server B, and a clock that tests push."""

from __future__ import annotations

import sys
from typing import Any, Dict, NamedTuple, Optional

from conftest import ROOT

sys.path.append(str(ROOT / "tests" / "lab"))

from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import Provider  # noqa: E402
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import Clock  # noqa: E402
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.registry import make  # noqa: E402
from providers import hetzner_cloud, hetzner_robot, ovh, scaleway  # noqa: E402
from providers.server import FakeProvider, Reply  # noqa: E402

__all__ = ["CASES", "Case", "FakeProvider", "Reply", "TestClock", "begin", "hetzner_cloud", "hetzner_robot", "ovh", "scaleway"]


class TestClock(Clock):
    """Time passes only while somebody sleeps."""

    __test__ = False

    def __init__(self) -> None:
        self.moment = 1000.0
        self.slept: "list[float]" = []

    def now(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.moment += seconds


class Case(NamedTuple):
    """What a test needs to know of a provider."""

    name: str
    fake: Any
    #: The address as a person writes it, and as the provider's own data have it.
    address: str
    key: str
    a: str
    b: str
    credentials: Dict[str, str]

    def client(self, server: FakeProvider, **credentials: str) -> Provider:
        return make(self.name, self.address, {**self.credentials, **credentials}, server.url)


ADDRESS = "203.0.113.10"
CASES = {
    "ovh": Case(
        "ovh",
        ovh.Ovh,
        ADDRESS,
        ADDRESS + "/32",
        "ns1.ip-198-51-100.eu",
        "ns2.ip-198-51-100.eu",
        {
            "endpoint": "ovh-eu",
            "application_key": ovh.KEY,
            "application_secret": ovh.SECRET,
            "consumer_key": ovh.CONSUMER,
        },
    ),
    "hetzner_robot": Case(
        "hetzner_robot",
        hetzner_robot.HetznerRobot,
        ADDRESS,
        ADDRESS,
        "198.51.100.1",
        "198.51.100.2",
        {"user": hetzner_robot.USER, "password": hetzner_robot.PASSWORD},
    ),
    "hetzner_cloud": Case(
        "hetzner_cloud", hetzner_cloud.HetznerCloud, ADDRESS, ADDRESS, "41", "42", {"token": hetzner_cloud.TOKEN}
    ),
    "scaleway": Case(
        "scaleway",
        scaleway.Scaleway,
        ADDRESS,
        ADDRESS,
        "11111111-1111-4111-8111-111111111111",
        "22222222-2222-4222-8222-222222222222",
        {"secret_key": scaleway.SECRET_KEY, "zone": scaleway.ZONE},
    ),
}


def begin(case: Case, clock: Optional[Clock] = None, **options: Any) -> FakeProvider:
    """The provider, serving; the address is not the first one that it has."""
    clock = clock or Clock()
    others = {"198.51.100.%d%s" % (200 + number, case.key[len(ADDRESS) :]): None for number in range(4)}
    server: FakeProvider = case.fake({**others, case.key: case.a}, [case.a, case.b], clock=clock.now, **options)
    server.begin()
    return server
