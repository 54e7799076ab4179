"""What the unit tests stand on serves these as well."""

from __future__ import annotations

import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "unit"))
importlib.import_module("conftest")
