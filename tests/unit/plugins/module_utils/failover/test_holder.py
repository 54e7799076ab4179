"""What the kernel and keepalived say, from files as they are."""

from __future__ import annotations

import pathlib

from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.claim import Claim, read, taken, write
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover.holder import Holder, Host

#: Linux 6.1, a control plane with 203.0.113.10/32 beside its own address; cut.
FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.89.87.0/24 2 0 2
        |-- 10.89.87.0
           /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
     +-- 10.89.87.0/24 2 0 2
        |-- 10.89.87.11
           /32 host LOCAL
        |-- 10.89.87.255
           /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 203.0.113.10
        /32 host LOCAL
     |-- 203.0.113.11
        /32 link UNICAST
"""
#: The second one is still tried out (tentative), the third one another host has.
IF_INET6 = """fd000000000000000000000000000002 02 40 00 80     eth0
20010db8000000000000000000000010 02 80 00 c0     eth0
20010db8000000000000000000000011 02 80 00 88     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""


def host(folder: pathlib.Path) -> Host:
    (folder / "proc" / "net").mkdir(parents=True)
    (folder / "proc" / "net" / "fib_trie").write_text(FIB_TRIE)
    (folder / "proc" / "net" / "if_inet6").write_text(IF_INET6)
    return Host(str(folder))


def test_the_addresses_are_those_of_interfaces_that_work(tmp_path: pathlib.Path) -> None:
    assert host(tmp_path).addresses() == {"10.89.87.11", "127.0.0.1", "203.0.113.10", "fd00::2", "::1"}
    # This very machine has one, too.
    assert "127.0.0.1" in Host().addresses()


def test_each_address_has_to_be_there_however_it_is_written(tmp_path: pathlib.Path) -> None:
    here = host(tmp_path)
    assert Holder(here, ["203.0.113.10/32", "FD00:0::2"]).local().good
    missing = Holder(here, ["203.0.113.10", "203.0.113.11", "2001:db8::10"]).local()
    assert not missing.good and missing.why == "203.0.113.11, 2001:db8::10 is on no interface of this node"


def test_a_claim_survives_the_api_and_a_strangers_notes() -> None:
    claim = taken(None, "cp1", True, 1_790_000_000.25, 3)
    written = write(claim, "kube-system", "failover-ip")
    assert written["spec"]["renewTime"] == "2026-09-21T14:13:20.250000Z" and "resourceVersion" not in written["metadata"]
    assert read(written) == claim
    assert read({"metadata": {"annotations": {"failover-ip.baremetal.kubernetes/takeovers": "x"}}, "spec": None}) == Claim(
        "", duration=1
    )
