"""Hands a module its arguments in ansible-core 2.17 and 2.18 as in later ones."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Dict, Iterator

import pytest
from ansible.module_utils import basic

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:

    @contextlib.contextmanager
    def patch_module_args(module_args: Dict[str, Any]) -> Iterator[None]:
        """What ansible-core's own has been since it brings one."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": module_args}).encode())
            yield


__all__ = ["patch_module_args"]
