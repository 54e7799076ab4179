"""What became of an object on its way into an API server."""

from __future__ import annotations

from typing import Any, List


def lacks(wanted: Any, stored: Any, place: str = "") -> List[str]:
    """What of an object the API server dropped or changed."""
    if isinstance(wanted, dict):
        found = []
        for key, value in wanted.items():
            found += lacks(value, (stored or {}).get(key), "%s.%s" % (place, key)) if isinstance(stored, dict) else [place]
        return found
    if isinstance(wanted, list):
        if not isinstance(stored, list) or len(stored) != len(wanted):
            return [place]
        return [one for number, value in enumerate(wanted) for one in lacks(value, stored[number], "%s[%d]" % (place, number))]
    return [] if wanted == stored else ["%s: %r became %r" % (place, wanted, stored)]
