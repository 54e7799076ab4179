"""The way back comes last, after what the upgrade left has been looked at."""

from __future__ import annotations

import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "shared"))

from way_back import go_back  # noqa: E402


def test_a_cluster_goes_back_to_the_version_and_the_objects_from_before(cluster: Any) -> None:
    go_back(cluster)
