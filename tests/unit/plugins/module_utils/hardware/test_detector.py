# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""node-problem-detector: a shell script says what the program's files say, and the configuration is such as it takes."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from typing import Any, Dict, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import (
    MOUNT,
    RUN,
    SCRIPT,
    detector_objects,
    monitor,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import CONDITIONS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.verdicts import (
    BAD,
    GOOD,
    UNKNOWN,
    Verdict,
    file_text,
    read_file,
)

SETTINGS = {
    "image": "registry.k8s.io/node-problem-detector/node-problem-detector:v1.35.3",
    "namespace": "kube-system",
    "interval": 60,
}


def plugin(folder: pathlib.Path, name: str = "DiskFailing") -> Tuple[int, str]:
    script = folder / "condition.sh"
    script.write_text(SCRIPT.replace(CONDITIONS, str(folder)))
    script.chmod(0o555)
    run = subprocess.run([str(script), name], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert run.stderr == ""
    return run.returncode, run.stdout.rstrip("\n")


@pytest.mark.parametrize("code", [GOOD, BAD, UNKNOWN])
def test_the_shell_says_what_the_program_wrote(tmp_path: pathlib.Path, code: int) -> None:
    words = "/dev/sda MODEL: 3 sectors can't be read; $HOME `id` \\n * (and 2 more)"
    (tmp_path / "DiskFailing").write_text(file_text(Verdict(code, words), time.time(), 300))
    assert plugin(tmp_path) == (code, words)


def test_shell_and_program_agree_on_every_file(tmp_path: pathlib.Path) -> None:
    now = int(time.time())
    for text in (
        "",
        "\n",
        "1\n",
        "0 %d 900 fine\n" % now,
        "1 %d 900\n" % now,
        "3 %d 900 x\n" % now,
        "11 %d 900 x\n" % now,
        "1 x 900 y\n",
        "1 %d x y\n" % now,
        "-1 %d 900 y\n" % now,
        "1 %d 900 old\n" % (now - 100000),
        "1 %d 900 of a clock that was ahead\n" % (now + 100000),
        "1;id %d 900 y\n" % now,
    ):
        (tmp_path / "DiskFailing").write_text(text)
        code, _words = plugin(tmp_path)
        # The shell reads "1 T 900" as a verdict without words.
        expected = read_file(text if text.count(" ") > 2 else text.rstrip("\n") + " \n" if text.count(" ") == 2 else text, now).code
        assert code == expected, text
    (tmp_path / "DiskFailing").unlink()
    assert plugin(tmp_path) == (UNKNOWN, "there is no verdict of hardware_watch on this node")


def test_every_rule_has_its_condition_and_its_script() -> None:
    made = monitor(60)
    types = [one["type"] for one in made["conditions"]]
    assert types == ["DiskFailing", "MemoryFailing", "StoragePoolFailing", "TemperatureCritical", "HardwareDegraded"]
    assert [rule["condition"] for rule in made["rules"]] == types == [rule["args"][0] for rule in made["rules"]]
    assert {rule["path"] for rule in made["rules"]} == {MOUNT + "/condition.sh"}
    # A rule that may take longer than the whole is refused by the detector.
    assert made["rules"][0]["timeout"] == "5s" and made["pluginConfig"]["timeout"] == "10s"
    # The failover plan goes by the time of the transition, which another text must not move.
    assert made["pluginConfig"]["enable_message_change_based_condition_update"] is False
    assert not {one["reason"] for one in made["conditions"]} & {rule["reason"] for rule in made["rules"]}


def test_the_pod_sees_the_verdicts_and_starts_anew_with_another_configuration() -> None:
    def template(**more: Any) -> Dict[str, Any]:
        made: Dict[str, Any] = detector_objects({**SETTINGS, **more})[-1]["spec"]["template"]
        return made

    (container,) = template()["spec"]["containers"]
    assert container["image"] == SETTINGS["image"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts["verdicts"]["mountPath"] == RUN and CONDITIONS.startswith(RUN + "/") and mounts["verdicts"]["readOnly"]
    assert template()["metadata"] == template()["metadata"] != template(interval=61)["metadata"]
    assert template(image="x/y:1")["metadata"] == template()["metadata"]
    config = detector_objects(SETTINGS)[2]["data"]
    assert json.loads(config["monitor.json"])["plugin"] == "custom" and config["condition.sh"] == SCRIPT


@pytest.mark.parametrize("image", ["", "npd", "registry:5000/npd", "registry.example.org/npd:", "a b:1", "UPPER/x:1"])
def test_an_image_without_a_version_is_refused(image: str) -> None:
    with pytest.raises(SettingError, match="names no image with a version") as refused:
        detector_objects({**SETTINGS, "image": image})
    assert refused.value.setting == "node_problem_detector_image"


@pytest.mark.parametrize("image", ["localhost:5000/npd:v1", "registry.example.org/a/npd:v1.35.3@sha256:" + "0" * 64])
def test_images_of_ones_own_registry_are_taken(image: str) -> None:
    assert detector_objects({**SETTINGS, "image": image})


def test_an_interval_without_rest_is_refused() -> None:
    with pytest.raises(SettingError, match="too little"):
        detector_objects({**SETTINGS, "interval": 1})
