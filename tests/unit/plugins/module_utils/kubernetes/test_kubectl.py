# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubectl says when it fails, without what its log says of every attempt."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import said
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

#: As kubectl 1.34 prints it where nothing listens.
LOG = (
    'E1122 19:10:25.%d   21773 memcache.go:265] "Unhandled Error" err="couldn\'t get current server API group list: '
    'Get \\"http://localhost:8080/api?timeout=32s\\": dial tcp 127.0.0.1:8080: connect: connection refused"\n'
)
REFUSED = "The connection to the server localhost:8080 was refused - did you specify the right host or port?"
THROTTLED = "I1122 19:10:26.523747   21773 request.go:668] Waited for 1.1s due to client-side throttling\n"


@pytest.mark.parametrize(
    "result, words",
    [
        (Result(1, "", "".join(LOG % second for second in range(523747, 523755)) + REFUSED + "\n"), REFUSED),
        (Result(1, "", LOG % 523747), (LOG % 523747).strip()),
        (Result(1, "printed", THROTTLED), "printed"),
        (Result(137, "", ""), "kubectl ended with code 137 and without a word"),
    ],
)
def test_what_kubectl_says_without_its_log(result: Result, words: str) -> None:
    assert said(result) == words


def test_another_client_is_called_by_its_name() -> None:
    assert said(Result(1, "", ""), "helm") == "helm ended with code 1 and without a word"
