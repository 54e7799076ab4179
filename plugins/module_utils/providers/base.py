# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every provider can do with an address, in words that are the same for all of them."""

from __future__ import annotations

import ipaddress
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, check_form
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import (
    BusyError,
    CredentialsError,
    ProviderError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Answer, Http
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

NO_PROXY = "is base_url that of the provider's API, and no proxy's page?"
ASK_STATUS_PAGE = "look at the provider's status page, and run it again"


class Route(NamedTuple):
    """Where the provider sends the address. ``target`` None: nowhere."""

    target: Optional[str]
    #: Whether that is the end of it, as far as the same answer says; else ``pending`` knows what is under way.
    settled: bool = True


class Task(NamedTuple):
    """A change that the provider works on. ``target`` None: to nobody, or not known."""

    identifier: str
    target: Optional[str]


class Done(NamedTuple):
    """``state`` is the provider's own word for how a task ended well."""

    state: str


class Limits(NamedTuple):
    """What is polite at a provider, in seconds."""

    #: Between two looks at a task.
    poll: float
    #: Between two looks at a route that nobody is changing.
    check: float
    #: What one request may take.
    request: float


class Provider:
    """One address at one provider. A subclass is a file of its own and says only what differs."""

    name = ""
    limits = Limits(poll=2.0, check=30.0, request=20.0)
    #: Of every good answer that is an object, as far as it is read; and of what the provider says of an error.
    form: Mapping[str, Any] = {}
    error_form: Mapping[str, Any] = {}
    #: What the person writes as target, for messages.
    target_is = "the server"

    def __init__(self, http: Http, address: str) -> None:
        self.http = http
        self.address = address

    def read(self) -> Route:
        """Where the address goes now."""
        raise NotImplementedError

    def pending(self) -> Optional[Task]:
        """The change that is under way, whoever began it, where the provider tells."""
        return None

    def resolve(self, target: str) -> str:
        """The target as ``read`` will name it."""
        return target

    def start(self, target: Optional[str]) -> Optional[Task]:
        """Have the address sent to ``target`` (None: to nobody). A task, or None where it is done already."""
        raise NotImplementedError

    def poll(self, task: Task) -> Optional[Done]:
        """None while the task runs.

        :raises ProviderError: it ended otherwise than well.
        """
        raise NotImplementedError

    def call(
        self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes] = None, timeout: Optional[float] = None
    ) -> Answer:
        """The good answer to one request; everything else becomes one of our errors."""
        answer = self.http.request(method, path, headers, body, timeout or self.limits.request)
        if 200 <= answer.status < 300:
            try:
                check_form(answer.data(), self.form)
            except FormError as error:
                raise ProviderError(self.name, "its answer is not its API's: %s" % error, NO_PROXY)
            return answer
        code, message = self.error_of(answer)
        raise self.refusal(answer, code, self.http.clean(message or "HTTP status %d" % answer.status), path)

    def error_of(self, answer: Answer) -> Tuple[str, str]:
        """The provider's code and text for what went wrong."""
        raise NotImplementedError

    def refusal(self, answer: Answer, code: str, message: str, path: str) -> ProviderError:
        """What HTTP says by itself; a provider looks at its own codes first."""
        said = "%s says %s%s" % (self.name, message.rstrip("."), " (%s)" % code if code else "")
        if answer.status == 401:
            return CredentialsError("credentials", said, self.how_to_log_in())
        if answer.status == 429:
            return BusyError(self.name, "too many requests: " + said, "wait, and have fewer programs ask", retry_after(answer))
        if answer.status >= 500:
            return BusyError(self.name, "it is out of order: " + said, ASK_STATUS_PAGE, retry_after(answer))
        if answer.status == 403:
            return CredentialsError("credentials", said, "give them the right to %s" % path.split("?")[0])
        if 300 <= answer.status < 400:
            return ProviderError("base_url", "it answers with a redirect, which is not followed", "write the API's own address")
        return ProviderError(self.name, said, "look the code up in the provider's documentation of its API")

    def how_to_log_in(self) -> str:
        return "write credentials that are valid"


def retry_after(answer: Answer) -> Optional[float]:
    """Seconds of the header Retry-After, where it is a number."""
    text = answer.headers.get("retry-after", "")
    return float(text) if is_digits(text) else None


def field(data: Mapping[str, Any], *names: str) -> Any:
    """A field of nested objects; None where a step is missing."""
    found: Any = data
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def covers(network: str, address: Any) -> bool:
    """Whether the address, of module ipaddress, is the one or in the block that the provider names."""
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def object_of(answer: Answer, name: str, provider: str) -> Dict[str, Any]:
    """The object that an answer consists of."""
    found = answer.data().get(name)
    if not isinstance(found, dict):
        raise ProviderError(provider, "its answer has no %r" % name, NO_PROXY)
    return found
