# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong between us and etcd."""

from __future__ import annotations


class EtcdError(Exception):
    """``endpoint`` did not do what was asked because of ``cause``; ``remedy`` is what a person does next."""

    def __init__(self, endpoint: str, cause: str, remedy: str) -> None:
        super().__init__("etcd at %s: %s. What to do: %s." % (endpoint, cause.rstrip("."), remedy.rstrip(".")))
        self.endpoint = endpoint
        self.cause = cause
        self.remedy = remedy


class EtcdUnreachable(EtcdError):
    """No answer came: nothing listens, TLS failed, or the time ran out."""


class EtcdRefused(EtcdError):
    """etcd answered, and said no. ``code`` is gRPC's status code, ``message`` etcd's own text."""

    def __init__(self, endpoint: str, message: str, code: int, remedy: str) -> None:
        super().__init__(endpoint, message, remedy)
        self.message = message
        self.code = code
