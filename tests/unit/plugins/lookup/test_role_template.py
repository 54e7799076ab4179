"""Templates of roles are found from any play, and the variables are not copied for each."""

from __future__ import annotations

from typing import Any

import pytest
from roles_render import ROOT, expression


class Uncopied(dict):  # type: ignore[type-arg]
    """A value that must not be copied deeply."""

    def __deepcopy__(self, memo: Any) -> Any:
        raise AssertionError("a template's variables are copied deeply")


def test_it_renders_as_the_template_lookup_does() -> None:
    path = ROOT / "roles/host/templates/modules.conf.j2"
    given = {"_host_modules": ["overlay", "br_netfilter"]}
    found = expression("host", "{{ lookup('baremetal.kubernetes.role_template', 'host/modules.conf.j2') }}", **given)
    assert found == expression("host", "{{ lookup('ansible.builtin.template', '%s') }}" % path, **given)
    assert found.endswith("\noverlay\nbr_netfilter\n")


def test_it_passes_variables_of_its_own() -> None:
    text = "{{ lookup('baremetal.kubernetes.role_template', 'lvs/sysctl.conf.j2', template_vars={'sysctls': {'a.b': 1}}) }}"
    assert "a.b = 1" in expression("lvs", text)


def test_it_copies_no_variable() -> None:
    text = "{{ lookup('baremetal.kubernetes.role_template', 'cni/kubernetes-pod-network.service.j2') }}"
    assert "[Service]" in expression("cni", text, hostvars=Uncopied())


@pytest.mark.parametrize("term", ["host/none.j2", "none/modules.conf.j2", "modules.conf.j2"])
def test_what_is_not_there_is_named(term: str) -> None:
    with pytest.raises(Exception, match="there is no %s. What to do" % term.replace(".", r"\.")):
        expression("host", "{{ lookup('baremetal.kubernetes.role_template', '%s') }}" % term)
