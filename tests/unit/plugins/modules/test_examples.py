"""Every example in a module's documentation is one that a person can copy: the module takes it, and what is harmless runs."""

from __future__ import annotations

import ast
import pathlib
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.plugins.loader import fragment_loader, module_loader
from ansible.template import Templar
from ansible.utils.plugin_docs import get_docstring
from conftest import LINK
from module_arguments import specification
from playbook_run import run_playbook
from roles_render import ansible_collections, trusted_data

PREFIX = "baremetal.kubernetes."
MODULES = sorted(path.stem for path in (LINK / "plugins" / "modules").glob("*.py"))

#: What the examples take from elsewhere. An example that names another variable is refused until it stands here.
VARIABLES: Dict[str, Any] = {
    "authorities": {"old_certificate": "PEM", "new_certificate": "PEM"},
    "ansible_facts": {"kubernetes_node": {"certificates": [{"path": "/etc/kubernetes/pki/ca.crt", "days_left": 7}]}},
    "backup_passphrase": "sixteen letters!",
    "backup_storage": {"endpoint": "https://s3.example.com", "bucket": "b", "access_key": "a", "secret_key": "s"},
    "ca_hash": "sha256:" + "a" * 64,
    "certificate_key": "b" * 64,
    "ansible_host": "10.0.0.21",
    "cluster_description": {"networking": {"pod_subnet": "10.244.0.0/16"}},
    "drill_plan": {"controller_pid": 4711},
    "host_wanted": {"kernel_modules": ["overlay"]},
    "container_runtime_wanted": {"services": [{"name": "containerd", "state": "started"}]},
    "inventory_hostname": "etcd1",
    "policy": '{"kind": "Policy"}',
    "join": {"token": "abcdef.0123456789abcdef"},
    "robot_password": "p",
    "robot_user": "u",
    "token": "abcdef.0123456789abcdef",
    "topology": {
        "plan": {"summary": ["Initialise the cluster on cp1."], "nodes": {"cp1": {"name": "cp1", "address": "10.0.0.11"}}}
    },
}
TEMPLATES = {
    "addon.yaml.j2": "apiVersion: v1\nkind: Namespace\nmetadata: {name: addon}\n",
    "etcd.service.j2": "[Service]\nExecStart=/usr/bin/etcd\n",
    "haproxy.cfg.j2": "defaults\n  mode tcp\n",
}

#: Modules whose examples need nothing of the machine in check mode; the others need a bundle, a cluster, kubeadm or a node's files.
RUNS_ANYWHERE = ("cluster_network_check", "helm_release", "kubectl_apply", "node_facts", "pod_networks_info")
#: They reach no cluster, should the machine that runs the tests have one.
NO_CLUSTER = {"kubeconfig": "/nonexistent/admin.conf"}


def documented_tasks(module: str) -> List[Dict[str, Any]]:
    """The tasks of a module's EXAMPLES."""
    for node in ast.parse((LINK / "plugins" / "modules" / (module + ".py")).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            tasks = yaml.safe_load(ast.literal_eval(node.value))
            assert isinstance(tasks, list) and all(isinstance(task, dict) for task in tasks), "EXAMPLES is no list of tasks"
            return tasks
    raise AssertionError("%s has no EXAMPLES" % module)


def actions(task: Mapping[str, Any]) -> List[str]:
    """The keys of a task that are no keyword of tasks."""
    keywords = set(Task.fattributes) | {"local_action", "loop_control"}
    return [name for name in task if name not in keywords and not name.startswith("with_")]


def problems_of(task: Mapping[str, Any], folder: pathlib.Path) -> List[str]:
    """What keeps a person from using the task as it stands."""
    with ansible_collections():
        return list(_problems_of(task, folder))


def _problems_of(task: Mapping[str, Any], folder: pathlib.Path) -> Iterator[str]:
    if not task.get("name"):
        yield "a task has no name"
    named = actions(task)
    if len(named) != 1:
        yield "not one action, but %s" % (named or "none")
        return
    (action,) = named
    if action.count(".") < 2:
        yield "%s is no full name of a module" % action
        return
    loader = DataLoader()
    loader.set_basedir(str(folder))
    variables = {**VARIABLES, **(task.get("vars") or {}), "ansible_search_path": [str(folder)], "role_path": str(folder)}
    try:
        arguments = Templar(loader=loader, variables=trusted_data(variables)).template(trusted_data(dict(task[action] or {})))
    except Exception as error:  # noqa: BLE001 - whatever the template does, it is the example's fault
        yield "%s: its templates do not render (is the variable in VARIABLES?): %s" % (action, error)
        return
    if action.startswith(PREFIX):
        if action[len(PREFIX) :] not in MODULES:
            yield "%s is no module of this collection" % action
            return
        validator = ModuleArgumentSpecValidator(**specification(action[len(PREFIX) :]))
        yield from ("%s: %s" % (action, message) for message in validator.validate(arguments).error_messages)
        return
    found = module_loader.find_plugin_with_context(action)
    if not found.resolved:
        yield "%s can't be found" % action
        return
    options = get_docstring(found.plugin_resolved_path, fragment_loader)[0]["options"]
    yield from ("%s has no option %s" % (action, name) for name in arguments if name not in options)


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: Any) -> pathlib.Path:
    folder: pathlib.Path = tmp_path_factory.mktemp("examples")
    (folder / "templates").mkdir()
    for name, text in TEMPLATES.items():
        (folder / "templates" / name).write_text(text)
    return folder


@pytest.mark.parametrize("module", MODULES)
def test_the_module_takes_its_own_examples(module: str, folder: pathlib.Path) -> None:
    tasks = documented_tasks(module)
    assert any(PREFIX + module in task for task in tasks), "the examples do not use the module"
    assert [problem for task in tasks for problem in problems_of(task, folder)] == []


def said_of(action: str, arguments: Any, folder: pathlib.Path, **task: Any) -> List[str]:
    return problems_of({"name": "A task", action: arguments, **task}, folder)


def test_an_example_that_the_module_would_refuse_is_found(folder: pathlib.Path) -> None:
    node = {"node_name": "cp1", "cluster_name": "kubernetes", "config": "/x", "state": "joined"}
    assert said_of(PREFIX + "kubeadm_node", node, folder) == []
    wrong: List[Tuple[str, Any, str]] = [
        (PREFIX + "kubeadm_node", {**node, "nodename": "cp1"}, "nodename"),
        (PREFIX + "kubeadm_node", {**node, "state": "present"}, "value of state must be one of"),
        (
            PREFIX + "kubeadm_node",
            {name: node[name] for name in node if name != "config"},
            "state is joined but all of the following are missing: config",
        ),
        (PREFIX + "kubeadm_node", {**node, "timeout": "soon"}, "timeout"),
        (PREFIX + "kubeadm_node", {**node, "node_name": "{{ nobody }}"}, "nobody"),
        (PREFIX + "topology_check", {"playbooks": "single"}, "playbooks"),
        (PREFIX + "no_such_module", {}, "is no module of this collection"),
        ("kubeadm_node", node, "is no full name"),
        ("ansible.builtin.debug", {"message": "x"}, "has no option message"),
        ("ansible.builtin.no_such_module", {}, "can't be found"),
    ]
    for action, arguments, word in wrong:
        (problem,) = said_of(action, arguments, folder)
        assert word in problem
    (problem,) = said_of(PREFIX + "node_facts", None, folder, registr="x")
    assert problem == "not one action, but %s" % [PREFIX + "node_facts", "registr"]


def test_examples_that_need_no_cluster_run_in_check_mode(folder: pathlib.Path) -> None:
    tasks = [task for module in RUNS_ANYWHERE for task in documented_tasks(module)]
    with ansible_collections():
        for task in tasks:
            (action,) = actions(task)
            if action.startswith(PREFIX) and "kubeconfig" in specification(action[len(PREFIX) :])["argument_spec"]:
                task[action] = {**task[action], **NO_CLUSTER}
    variables = {name: value for name, value in VARIABLES.items() if name != "ansible_facts"}
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}]
    (folder / "examples.yml").write_text(yaml.safe_dump(play, sort_keys=False))
    run = run_playbook(folder / "examples.yml", "--check")
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert run.stdout.count("\nTASK [") == len(tasks)
