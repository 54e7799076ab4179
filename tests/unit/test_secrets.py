"""No secret is logged, shown or readable for others: what modules and roles say of their options, and what tasks do with them."""

from __future__ import annotations

import pathlib
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Set, Tuple

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.modules import host_state
from conftest import LINK, ROOT
from module_arguments import patch_module_args, specification
from yaml_files import read_yaml

MODULES = sorted(path.stem for path in (LINK / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
#: What an option with a secret is called.
SECRET = re.compile(r"(token|passw|passphrase|secret|credential|private|(^|_)keys?($|_)|identity|(^|_)storage$)")
#: Options that are only called so -> why nobody has to hide them.
PUBLIC = {
    "access_key": "a name, by which the storage finds the secret key",
    "authorities_certificate": "public",
    "bundle_fetch.image_credentials": "the path of a file",
    "bundle_push.credentials": "the path of a file",
    "etcd_certificates.key": "the path of a file",
    "etcd_member.token": "the name by which members begin together, which etcd shows to everybody",
    "etcd_snapshot.initial_cluster_token": "the same",
    "etcd_snapshot.key_file": "the path of a file",
    "cluster_etcd_key_file": "the path of a file",
    "etcd_token": "the name by which members begin together, which etcd shows to everybody",
    "failover_ip.credentials": "all that is in it is hidden by itself",
    "failover_ip_credentials": "all that is in it is hidden by itself",
    "cluster_restore.storage": "the secret in it is hidden by itself",
    "harbor_certificate_key": "the path of a file",
    "offline_image_credentials": "the path of a file",
    "offline_registry_credentials": "the path of a file",
    "packages_repository_key": "a public key",
    "registry_servers.certificate_key": "the path of a file",
    "security_rotate_encryption_key": "whether to",
    "zfs_backup_restore.storage": "the secret in it is hidden by itself",
}


def options(spec: Mapping[str, Any], before: str) -> Iterator[Tuple[str, str, Mapping[str, Any]]]:
    """Full name, own name and option, those within others among them."""
    for name, option in spec.items():
        yield before + name, name, option
        yield from options(option.get("options") or {}, before + name + ".")


def shown(found: Iterable[Tuple[str, str, Mapping[str, Any]]]) -> List[str]:
    """Secrets that Ansible would log."""
    loud = [(full, name) for full, name, option in found if SECRET.search(name) and option.get("no_log") is not True]
    return [full for full, name in loud if full not in PUBLIC and name not in PUBLIC]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_logs_no_option_with_a_secret(module: str) -> None:
    assert shown(options(specification(module)["argument_spec"], module + ".")) == []


def role_options(role: str) -> Iterator[Tuple[str, str, Mapping[str, Any]]]:
    for point in read_yaml(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"].values():
        yield from options(point.get("options") or {}, "")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_logs_no_option_with_a_secret(role: str) -> None:
    assert shown(role_options(role)) == []


def secrets_of_roles() -> Set[str]:
    """Variables of roles that hold secrets."""
    return {full.split(".")[0] for role in ROLES for full, _name, option in role_options(role) if option.get("no_log") is True}


def tasks(path: pathlib.Path) -> Iterator[Dict[str, Any]]:
    def walk(found: Any, hidden: Any) -> Iterator[Dict[str, Any]]:
        for task in found if isinstance(found, list) else []:
            quiet = hidden or task.get("no_log")
            for part in ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers"):
                yield from walk(task.get(part), quiet)
            if not {"block", "hosts"} & set(task):
                yield dict(task, no_log=quiet)

    yield from walk(read_yaml(path), False)


FILES = sorted([*ROOT.glob("roles/*/tasks/*.yml"), *ROOT.glob("roles/*/handlers/*.yml"), *ROOT.glob("playbooks/**/*.yml")])
QUIET = (
    "ansible.builtin.import_role",
    "ansible.builtin.include_role",
    "ansible.builtin.import_tasks",
    "ansible.builtin.include_tasks",
)


def expressions(value: Any) -> str:
    return " ".join(re.findall(r"\{\{.*?\}\}", str(value), re.DOTALL))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_task_shows_no_secret_that_it_is_handed(path: pathlib.Path) -> None:
    named = re.compile(r"\b(%s)\b" % "|".join(sorted(secrets_of_roles())))
    for task in tasks(path):
        for action, given in task.items():
            if "." not in action or action in QUIET or task["no_log"]:
                continue
            hidden: Set[str] = set()
            if action.startswith("baremetal.kubernetes."):
                spec = specification(action.rpartition(".")[2])["argument_spec"]
                # What is hidden within an option hides what is handed to it there.
                hidden = {full.split(".")[0] for full, _name, option in options(spec, "") if option.get("no_log") is True}
            values = given.items() if isinstance(given, dict) else [("", given)]
            loud = [(name, named.findall(expressions(value))) for name, value in values if name not in hidden]
            assert [(name, found) for name, found in loud if found] == [], task.get("name")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_secret_file_is_for_its_owner_alone(path: pathlib.Path) -> None:
    """What a task writes that nobody may see."""
    for task in tasks(path):
        for action in ("ansible.builtin.copy", "ansible.builtin.template"):
            if task["no_log"] and task.get(action):
                assert str(task[action].get("mode")) in ("0600", "0400"), task.get("name")


class Ended(Exception):
    pass


@pytest.mark.parametrize(
    ("mode", "word"), [("0644", "everybody on the host could read"), ("0604", "everybody"), ("rw", "like '0644'")]
)
def test_a_secret_that_others_could_read_is_refused(monkeypatch: pytest.MonkeyPatch, mode: str, word: str) -> None:
    def fail(_module: AnsibleModule, msg: str, **_fields: Any) -> None:
        raise Ended(msg)

    monkeypatch.setattr(AnsibleModule, "fail_json", fail)
    given = {"files": [{"path": "/nonexistent/a", "mode": mode}], "secrets": {"/nonexistent/a": "hunter22"}}
    with patch_module_args({**given, "_ansible_check_mode": True}), pytest.raises(Ended, match=word) as refused:
        host_state.main()
    assert "hunter22" not in str(refused.value)
