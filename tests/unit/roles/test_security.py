"""Playbook security as a whole, by ansible-playbook: three control planes whose files and flags are played by stand-ins."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any, Dict, List

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_upgrade as base  # noqa: E402

MODULES = ("encryption_keys", "control_plane_security", "kubelet_configuration")
BEHAVIOUR = """
if name == "encryption_keys":
    if given["state"] == "read":
        cluster["made"] = cluster.get("made", 0) + 1
        result.update(text=node.get("keys", ""), fresh=[given["provider"], "key-%d" % cluster["made"], "c2VjcmV0LW9mLWtleQ=="])
    elif cluster.get("fails") == "rewrite":
        cluster["fails"] = None
        result.update(failed=True, msg="ended here")
    else:
        result["changed"] = True
        cluster["stored"] = json.loads(node["keys"])["resources"][0]["providers"][0]
elif name == "control_plane_security":
    wanted = given["files"].get("/etc/kubernetes/security/encryption.json", node.get("keys", ""))
    flags = {part: sorted(flags) for part, flags in given["arguments"].items()}
    result["changed"] = wanted != node.get("keys", "") or flags != node.get("flags")
    cluster.setdefault("history", []).append([host, wanted])
    if not module.check_mode:
        node.update(keys=wanted, flags=flags, others=len(given["api_servers"]))
elif name == "kubelet_configuration":
    if given["state"] == "approved":
        result.update(approved=[], refused=[], missing=[], waited=given["wait_for"])
        cluster["asked"] = given["wait_for"]
    else:
        place = cluster if given["state"] == "uploaded" else node
        result.update(changed=place.get("fields") != given["fields"], differing=[])
        if not module.check_mode:
            place["fields"] = given["fields"]
"""
SECRET = "c2VjcmV0LW9mLWtleQ=="


@pytest.fixture
def lab(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(base, "MODULES", base.MODULES + MODULES)
    monkeypatch.setattr(base, "BEHAVIOUR", base.BEHAVIOUR + BEHAVIOUR)
    made = base.Lab(tmp_path)
    (tmp_path / "security.yml").write_text("- ansible.builtin.import_playbook: baremetal.kubernetes.security\n")
    return made


def writers(lab: Any) -> List[Dict[str, Any]]:
    """The first provider of each control plane's file."""
    return [json.loads(node["keys"])["resources"][0]["providers"] for node in lab.cluster["nodes"].values() if "keys" in node]


def test_encryption_comes_is_rotated_where_a_run_ended_and_goes(lab: Any) -> None:
    on = {"cluster_encryption": "secretbox", "cluster_audit": True, "cluster_kubelet_serving": True}
    first = lab.run("security", "--diff", **on)
    assert base.good(first) > 0 and SECRET not in first.stdout
    # Readable by all before any writes with it.
    kinds = [list(json.loads(text)["resources"][0]["providers"][0]) for _host, text in lab.cluster["history"][:6]]
    assert kinds == [["identity"]] * 3 + [["secretbox"]] * 3
    assert "audit-policy-file" in lab.cluster["nodes"]["cp3"]["flags"]["kube-apiserver"]
    assert lab.cluster["nodes"]["worker2"]["fields"] == {"serverTLSBootstrap": True} == lab.cluster["fields"]
    assert sorted(lab.cluster["asked"]) == ["cp1", "cp2", "cp3", "worker1", "worker2"]
    assert lab.cluster["nodes"]["cp1"]["others"] == 2
    assert base.good(lab.run("security", "--check", **on)) == 0

    old = lab.cluster["stored"]
    lab.write(dict(lab.cluster, fails="rewrite"))
    assert "ended here" in lab.run("security", security_rotate_encryption_key=True, **on).stdout
    assert all(len(one[0]["secretbox"]["keys"]) == 2 for one in writers(lab)), "the old key stays until all is written anew"
    base.good(lab.run("security", **on))
    assert all(one[0] == lab.cluster["stored"] != old for one in writers(lab))

    base.good(lab.run("security", cluster_audit=True, cluster_kubelet_serving=True))
    assert lab.cluster["stored"] == {"identity": {}}
    assert "encryption-provider-config" not in lab.cluster["nodes"]["cp3"]["flags"]["kube-apiserver"]
