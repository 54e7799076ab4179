# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the field tables are written: types, and which API and which minor has a field."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional, Tuple, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import API_VERSIONS

STRING = "text"
BOOL = "true or false"
INTEGER = "a whole number"
NUMBER = "a number"
DURATION = "a duration"
QUANTITY = "a quantity"
#: A map from name to value in v1beta2 and v1beta3, a list of {name, value} in v1beta4 (K8S v1beta4/doc.go).
ARGUMENTS = "arguments"


class ListOf(NamedTuple):
    item: Any


class MapOf(NamedTuple):
    value: Any


class Struct:
    """Named fields."""

    def __init__(self, **fields: Union["Field", Any]) -> None:
        self.fields: Dict[str, Field] = {
            name: field if isinstance(field, Field) else Field(field) for name, field in fields.items()
        }


class Field:
    """A field's type and where it exists.

    ``apis`` are the kubeadm APIs that have it, ``since`` and ``until`` the first and last Kubernetes minor (0: any),
    ``choices`` its only values, ``default`` what an API without the field does anyway.
    """

    def __init__(
        self,
        type: Any,
        apis: Tuple[str, ...] = API_VERSIONS,
        since: int = 0,
        until: int = 0,
        choices: Tuple[str, ...] = (),
        default: Any = None,
    ) -> None:
        self.type = type
        self.apis = apis
        self.since = since
        self.until = until
        self.choices = choices
        self.default = default

    def available(self, api: str, minor: int) -> bool:
        return api in self.apis and self.since <= minor and not (self.until and minor > self.until)

    def where(self) -> str:
        """Where the field exists, as words after "it is in"."""
        parts = []
        if self.apis != API_VERSIONS:
            parts.append(" and ".join(self.apis))
        if self.since:
            parts.append("Kubernetes 1.%d and newer" % self.since)
        if self.until:
            parts.append("Kubernetes up to 1.%d" % self.until)
        return ", ".join(parts)


def look_up(struct: Struct, path: Tuple[str, ...]) -> Optional[Field]:
    """The field at a path of names through nested structs, or None."""
    field: Optional[Field] = None
    current: Any = struct
    for name in path:
        if not isinstance(current, Struct) or name not in current.fields:
            return None
        field = current.fields[name]
        current = field.type
    return field
