# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import stat

import pytest
from ansible.module_utils import basic
from ansible_collections.baremetal.kubernetes.plugins.modules import kubeadm_config
from module_arguments import patch_module_args

KEY = "ab" * 32
TOKEN = "abcdef.0123456789abcdef"
KUBEADM = """#!/bin/sh
echo "$@" >> %s/called
grep -q refuse-me "$4" && { echo "strict decoding error: unknown field" >&2; exit 1; }
exit 0
"""


@pytest.fixture(name="run")
def _run(tmp_path, capsys):
    """Runs the module as Ansible does; gives its answer."""
    (tmp_path / "kubeadm").write_text(KUBEADM % tmp_path)
    (tmp_path / "kubeadm").chmod(0o755)

    def run(**options):
        given = {
            "path": str(tmp_path / "config.yaml"),
            "kubernetes_version": "1.28.7",
            "documents": ["init", "cluster"],
            "kubeadm_path": str(tmp_path / "kubeadm"),
            "_ansible_diff": True,
        }
        given.update(options)
        with patch_module_args(given), pytest.raises(SystemExit):
            kubeadm_config.main()
        return json.loads(capsys.readouterr().out)

    return run


def called(tmp_path):
    return (tmp_path / "called").read_text().splitlines() if (tmp_path / "called").exists() else []


def test_a_first_run_writes_the_file_for_root_alone_and_a_second_changes_nothing(run, tmp_path):
    first = run()
    assert first["changed"] is True
    assert first["api_version"] == "kubeadm.k8s.io/v1beta3"
    assert stat.S_IMODE(os.stat(tmp_path / "config.yaml").st_mode) == 0o600
    assert run()["changed"] is False
    assert sorted(path.name for path in tmp_path.iterdir()) == ["called", "config.yaml", "kubeadm"]


def test_a_wrong_mode_is_made_good(run, tmp_path):
    run()
    (tmp_path / "config.yaml").chmod(0o644)
    assert run()["changed"] is True
    assert stat.S_IMODE(os.stat(tmp_path / "config.yaml").st_mode) == 0o600


def test_check_mode_shows_the_change_and_writes_nothing(run, tmp_path):
    answer = run(_ansible_check_mode=True)
    assert answer["changed"] is True
    assert "kind: ClusterConfiguration" in answer["diff"]["after"]
    assert not (tmp_path / "config.yaml").exists()


def test_check_mode_on_a_blank_host_needs_no_directory_and_no_kubeadm(run, tmp_path, monkeypatch):
    warned = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda self, text: warned.append(text))
    answer = run(_ansible_check_mode=True, path=str(tmp_path / "none" / "config.yaml"), kubeadm_path="/none/kubeadm")
    assert answer["changed"] is True
    assert "not there yet" in str(warned)


def test_kubeadm_reads_the_file_before_it_is_placed(run, tmp_path):
    run()
    assert [line.split()[:3] for line in called(tmp_path)] == [["config", "validate", "--config"]]
    before = (tmp_path / "config.yaml").read_text()
    answer = run(cluster={"cluster_name": "refuse-me"})
    assert answer["failed"] is True
    assert "strict decoding error" in answer["msg"]
    assert (tmp_path / "config.yaml").read_text() == before


def test_a_kubeadm_without_validate_is_not_called(run, tmp_path):
    assert run(kubernetes_version="1.24.0")["changed"] is True
    assert called(tmp_path) == []


def test_no_secret_is_in_the_answer_or_in_the_log(run, monkeypatch):
    logged = []
    monkeypatch.setattr(basic.AnsibleModule, "log", lambda self, msg, log_args=None: logged.append((msg, log_args)))
    options = {"init": {"certificate_key": KEY, "bootstrap_tokens": [{"token": TOKEN}]}}
    answer = run(**options)
    assert answer["changed"] is True
    assert "certificateKey: (secret, differs)" in answer["diff"]["after"]
    assert logged
    for secret in (KEY, TOKEN):
        assert secret not in json.dumps(answer)
        assert secret not in str(logged)
    other = run(init={"certificate_key": "cd" * 32, "bootstrap_tokens": [{"token": TOKEN}]})["diff"]
    assert "certificateKey: (secret, differs)" in other["after"]
    assert "token: (secret)" in other["after"]


def test_a_refused_description_gives_every_problem_and_touches_nothing(run, tmp_path):
    answer = run(init={"nodename": "a"}, kube_proxy={"mode": "none"})
    assert answer["failed"] is True
    assert [problem["setting"] for problem in answer["problems"]] == ["init.nodename", "kube_proxy.mode"]
    assert "Did you mean node_name?" in answer["msg"]
    assert not (tmp_path / "config.yaml").exists()


def test_what_the_api_has_no_document_for_comes_back_as_arguments(run, tmp_path):
    answer = run(kubernetes_version="1.20.2", documents=["reset"], reset={"force": True})
    assert (answer["path"], answer["flags"], answer["changed"]) == (None, ["--force"], False)
    assert not (tmp_path / "config.yaml").exists()


def test_the_running_cluster_is_compared(run, tmp_path, monkeypatch):
    monkeypatch.setattr(kubeadm_config, "read_cluster", lambda runner, path: {"clusterName": "a", "kubernetesVersion": "v1.28.7"})
    answer = run(cluster={"cluster_name": "b"}, compare=True)
    assert answer["difference"] == [{"field": "clusterName", "cluster": "a", "wanted": "b"}]


def test_a_cluster_that_can_not_be_read_fails_with_the_reason(run):
    answer = run(compare=True, kubeconfig="/none/admin.conf")
    assert answer["failed"] is True
    assert "/none/admin.conf" in answer["msg"]
