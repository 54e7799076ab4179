"""Playbook security as a whole, by ansible-playbook: three control planes whose files and flags are played by stand-ins."""

from __future__ import annotations

import json
import pathlib
import sys
from typing import Any

import pytest
from stand_ins import collection_with

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import test_upgrade as base  # noqa: E402

MODULES = ("encryption_keys", "control_plane_security", "kubelet_configuration")
BEHAVIOUR = """
    elif name == "encryption_keys":
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
        node.update(keys=wanted, flags=flags, others=len(given["api_servers"]))
    elif name == "kubelet_configuration":
        if given["state"] == "approved":
            result.update(approved=[], refused=[], missing=[])
        else:
            place = cluster if given["state"] == "uploaded" else node
            result.update(changed=place.get("fields") != given["fields"], differing=[])
            place["fields"] = given["fields"]
"""
SECRET = "c2VjcmV0LW9mLWtleQ=="


@pytest.fixture
def lab(tmp_path: pathlib.Path) -> Any:
    made = base.Lab(tmp_path, collection_with(tmp_path / "collections", base.MODULES + MODULES, base.BEHAVIOUR + BEHAVIOUR))
    (tmp_path / "security.yml").write_text("- ansible.builtin.import_playbook: baremetal.kubernetes.security\n")
    return made


def test_encryption_comes_in_its_order_and_a_run_that_ended_is_completed(lab: Any) -> None:
    on = {"cluster_encryption": "secretbox", "cluster_audit": True, "cluster_kubelet_serving": True}
    lab.write(dict(lab.cluster, fails="rewrite"))
    assert "ended here" in lab.run("security", **on).stdout
    # Readable by all before any writes with it; and what is stored plain stays readable until all is written anew.
    texts = [json.loads(text)["resources"][0]["providers"] for _host, text in lab.cluster["history"]]
    assert [list(one[0]) for one in texts] == [["identity"]] * 3 + [["secretbox"]] * 3
    assert all({"identity": {}} in one for one in texts)

    done = lab.run("security", **on)
    assert base.good(done) > 0 and SECRET not in done.stdout
    assert list(lab.cluster["stored"]) == ["secretbox"]
    assert "audit-policy-file" in lab.cluster["nodes"]["cp3"]["flags"]["kube-apiserver"]
    assert lab.cluster["nodes"]["worker2"]["fields"] == {"serverTLSBootstrap": True} == lab.cluster["fields"]
    assert lab.cluster["nodes"]["cp1"]["others"] == 2, "an API server stops only when the others are ready"
