#!/usr/bin/env python3
"""A slow and lossy link where the kernel has no netem: each packet that a network namespace sends waits here, and some are lost.

Usage: slow_link.py SECONDS LOST: packets come by iptables' NFQUEUE 1 and leave SECONDS later, but for the share LOST of them. It
has to run in that namespace (nsenter --net), prints "ready" and ends with its standard input. The messages are nfnetlink_queue's
(include/uapi/linux/netfilter/nfnetlink_queue.h).
"""

from __future__ import annotations

import collections
import os
import random
import select
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
QUEUE = 1
SUBSYSTEM, MESSAGE_PACKET, MESSAGE_VERDICT, MESSAGE_CONFIG = 3, 0, 1, 2
ATTRIBUTE_PACKET_HEADER, ATTRIBUTE_VERDICT_HEADER, CONFIG_COMMAND, CONFIG_PARAMETERS, CONFIG_LENGTH = 1, 2, 1, 2, 3
BIND, COPY_META, DROP, ACCEPT = 1, 1, 0, 1
REQUEST = 1


def message(kind: int, attributes: bytes) -> bytes:
    body = struct.pack("!BBH", socket.AF_UNSPEC, 0, QUEUE) + attributes
    return struct.pack("=IHHII", 16 + len(body), SUBSYSTEM << 8 | kind, REQUEST, 0, 0) + body


def attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def identities(data: bytes) -> list[bytes]:
    """The numbers of the packets in what the kernel sent, as they stand there."""
    found = []
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        if kind == SUBSYSTEM << 8 | MESSAGE_PACKET:
            place = 20
            while place + 4 <= length:
                size, name = struct.unpack_from("=HH", data, place)
                if name == ATTRIBUTE_PACKET_HEADER:
                    found.append(data[place + 4 : place + 8])
                place += max(4, size + -size % 4)
        data = data[max(16, length + -length % 4) :]
    return found


def main() -> None:
    delay, lost = float(sys.argv[1]), float(sys.argv[2])
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    link.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    link.bind((0, 0))
    link.send(message(MESSAGE_CONFIG, attribute(CONFIG_COMMAND, struct.pack("!BBH", BIND, 0, 0))))
    link.send(message(MESSAGE_CONFIG, attribute(CONFIG_PARAMETERS, struct.pack("!IB", 0, COPY_META))))
    link.send(message(MESSAGE_CONFIG, attribute(CONFIG_LENGTH, struct.pack("!I", 65536))))
    print("ready", flush=True)
    waiting: collections.deque[tuple[float, bytes]] = collections.deque()
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([link, sys.stdin], [], [], patience)
        if sys.stdin in readable and not os.read(0, 1):
            return
        if link in readable:
            try:
                data = link.recv(1 << 16)
            except OSError:
                continue  # more packets came than the buffer holds: those are lost, too
            for identity in identities(data):
                if random.random() < lost:
                    verdict(link, DROP, identity)
                else:
                    waiting.append((time.monotonic() + delay, identity))
        while waiting and waiting[0][0] <= time.monotonic():
            verdict(link, ACCEPT, waiting.popleft()[1])


def verdict(link: socket.socket, what: int, identity: bytes) -> None:
    link.send(message(MESSAGE_VERDICT, attribute(ATTRIBUTE_VERDICT_HEADER, struct.pack("!I", what) + identity)))


if __name__ == "__main__":
    main()
