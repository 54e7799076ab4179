# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What filters have in common: knowledge that refuses its input in words of its own."""

from __future__ import annotations

import functools
from typing import Any, Callable, Type

from ansible.errors import AnsibleFilterError


def refuses(*errors: Type[Exception]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Makes a filter of a function: its errors of these kinds become those of a filter, with the same text."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def filtered(*arguments: Any, **options: Any) -> Any:
            try:
                return function(*arguments, **options)
            except errors as error:
                raise AnsibleFilterError(str(error))

        return filtered

    return decorate
