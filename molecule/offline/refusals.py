"""The list in check mode, the fetch, and a bundle that lacks something: refused while the nodes are blank still."""

from __future__ import annotations

import json
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "molecule" / "shared"))
from playbooks import Playbooks, changed, check

BUNDLE = ROOT / ".build" / "offline-bundle"
PAUSE = BUNDLE / "images" / "k8s.gcr.io_pause_3.2.tar"
ONLY_FETCH = json.dumps({"offline_actions": ["fetch"]})


def refused(playbooks: Playbooks, words: str) -> None:
    process = playbooks.start("single")
    output, _ = process.communicate()
    check(process.returncode != 0 and words in output, "The playbook did not refuse, or not for %r." % words, output)
    check(changed(output) == 0, "Something was changed before the playbook refused.", output)


def main() -> None:
    playbooks = Playbooks(os.environ.get("MOLECULE_SCENARIO_NAME", "offline"))
    listed = playbooks.run("offline", "--check", "--extra-vars", ONLY_FETCH)
    for words in ("k8s.gcr.io/pause:3.2", "kubeadm", "containerd", "MB"):
        check(words in listed, "The list does not have %s." % words, listed)
    check(not BUNDLE.exists(), "Check mode made a bundle.")
    refused(playbooks, "bundle.json: there is no such file")
    playbooks.run("offline", "--extra-vars", ONLY_FETCH)
    again = playbooks.run("offline", "--extra-vars", ONLY_FETCH)
    check(changed(again) == 0, "A second fetch fetched something.", again)

    hidden = PAUSE.with_name(".hidden")
    PAUSE.rename(hidden)
    refused(playbooks, "images/k8s.gcr.io_pause_3.2.tar")
    hidden.rename(PAUSE)

    manifest = BUNDLE / "bundle.json"
    text = manifest.read_text()
    content = json.loads(text)
    content["images"] = [one for one in content["images"] if "k8s.gcr.io/pause:3.2" not in one["references"]]
    manifest.write_text(json.dumps(content))
    refused(playbooks, "image k8s.gcr.io/pause:3.2")
    manifest.write_text(text)


if __name__ == "__main__":
    main()
