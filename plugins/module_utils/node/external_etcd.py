# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about external etcd on a host, and how fast disk and network are where a member is to run."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    AUTHORITY,
    BEGINNING,
    KUBELET_UNIT,
    PEER_PORT,
    parse_environment,
    read_settings,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import nearest_directory
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import X509Error, parse_pem

#: What kubeadm and this collection call the authority of etcd on a control plane.
CLIENT_AUTHORITY = "/etc/kubernetes/pki/etcd/ca.crt"
#: etcd's documentation measures with 2300 bytes a write (https://etcd.io/docs/v3.6/op-guide/hardware/#disks, its fio command).
WRITE_BYTES = 2300
WRITES = 300
DISK_SECONDS = 4.0
ROUND_TRIPS = 5
ROUND_TRIP_SECONDS = 1.0


def read(runner: Runner, problems: Problems, flags: Optional[Mapping[str, str]] = None) -> Dict[str, Any]:
    """configured, static_pod, beginning, heartbeat_interval, election_timeout, authority, authority_key and client_authority.

    :param flags: what etcd's settings on this host say, where they have been read.
    """
    flags = read_settings(runner) if flags is None else flags
    beginning = parse_environment(runner.read(BEGINNING) or "")
    return {
        "configured": bool(flags),
        "static_pod": bool(flags) and runner.exists(KUBELET_UNIT),
        "beginning": beginning.get("initial-cluster-state"),
        "heartbeat_interval": _number(flags.get("heartbeat-interval")),
        "election_timeout": _number(flags.get("election-timeout")),
        "authority": _identity(runner, AUTHORITY + ".crt", problems),
        "authority_key": runner.exists(AUTHORITY + ".key"),
        "client_authority": _identity(runner, CLIENT_AUTHORITY, problems),
    }


def measure(
    data_dir: str,
    peers: Sequence[str],
    disk: bool,
    clock: Callable[[], float] = time.perf_counter,
) -> Dict[str, Any]:
    """disk_p99_ms (None where not measured or not possible) and round_trips_ms, by address."""
    return {
        "disk_p99_ms": disk_p99(data_dir, clock) if disk else None,
        "round_trips_ms": {peer: trip for peer in peers for trip in [round_trip(peer, clock)] if trip is not None},
    }


def disk_p99(path: str, clock: Callable[[], float] = time.perf_counter) -> Optional[float]:
    """The 99th percentile of fdatasync in milliseconds on the disk that holds (or will hold) the path.

    It writes as etcd's log does, small pieces one after another, at most 700 kB, into a file that is gone afterwards.
    """
    taken: List[float] = []
    try:
        with tempfile.TemporaryFile(dir=nearest_directory(path)) as stream:
            begin = clock()
            while len(taken) < WRITES and clock() - begin < DISK_SECONDS:
                os.write(stream.fileno(), b"\0" * WRITE_BYTES)
                before = clock()
                os.fdatasync(stream.fileno())
                taken.append(1000 * (clock() - before))
    except OSError:
        return None
    return round(percentile(taken, 99), 2) if taken else None


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def round_trip(address: str, clock: Callable[[], float] = time.perf_counter) -> Optional[float]:
    """Median milliseconds until a TCP connection is taken or refused, either of which is one round trip; None without an answer."""
    trips = []
    for _attempt in range(ROUND_TRIPS):
        before = clock()
        try:
            socket.create_connection((address, PEER_PORT), timeout=ROUND_TRIP_SECONDS).close()
        except ConnectionRefusedError:
            pass
        except (OSError, UnicodeError):
            return None
        trips.append(1000 * (clock() - before))
    return round(percentile(trips, 50), 2)


def _identity(runner: Runner, path: str, problems: Problems) -> Optional[str]:
    text = runner.read(path)
    if text is None:
        return None
    try:
        return parse_pem(text, path)[0].discovery_hash
    except X509Error as error:
        problems.add("etcd", str(error))
        return None


def _number(text: Optional[str]) -> Optional[int]:
    return int(text) if text and is_digits(text) else None
