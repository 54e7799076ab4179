"""What modules take: handed to them, in ansible-core 2.17 and 2.18 as in later ones, and as they tell it to Ansible."""

from __future__ import annotations

import contextlib
import importlib
import json
from typing import Any, Dict, Iterator

import pytest
from ansible.module_utils import basic
from ansible.module_utils.basic import AnsibleModule
from conftest import LINK

COLLECTION = "ansible_collections.baremetal.kubernetes.plugins."

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:

    @contextlib.contextmanager
    def patch_module_args(module_args: Dict[str, Any]) -> Iterator[None]:
        """What ansible-core's own has been since it brings one."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": module_args}).encode())
            yield


class Captured(Exception):
    """Thrown in place of AnsibleModule, with what the module told it."""


def specification(module: str) -> Dict[str, Any]:
    """What the module hands to AnsibleModule; of an action, what it validates with."""
    if (LINK / "plugins" / "action" / (module + ".py")).exists():
        action = importlib.import_module(COLLECTION + "action." + module)
        # Those of modules that run on the host leave the arguments to these.
        if hasattr(action, "ARGUMENTS"):
            return {"argument_spec": action.ARGUMENTS}
    code: Any = importlib.import_module(COLLECTION + "modules." + module)

    def capture(_module: AnsibleModule, **options: Any) -> None:
        raise Captured(options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnsibleModule, "__init__", capture)
        with pytest.raises(Captured) as captured:
            code.main()
    taken = ("argument_spec", "mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
    return {name: value for name, value in captured.value.args[0].items() if name in taken}
