from __future__ import annotations

import os
import pathlib
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from typing import Any

import pytest
from roles_render import NODE, expression, role_variables, template

PLAN: "dict[str, Any]" = {
    "keepalived_priority": 150,
    "keepalived_priorities": [150, 149, 148],
    "keepalived_source": "10.89.79.11",
    "keepalived_peers": ["10.89.79.12", "10.89.79.13"],
    "cluster_vip": "10.89.79.100",
}


def render(**given: Any) -> str:
    merged = dict(PLAN, **given)
    computed = role_variables("keepalived")
    finished = expression("keepalived", computed["_keepalived_finished"], **merged)
    interface = expression("keepalived", computed["_keepalived_interface"], **merged)
    return template("keepalived", "keepalived.conf.j2", finished=finished, _keepalived_interface=interface, **merged)


def test_the_address_is_kept_by_named_peers_on_the_interface_that_has_the_source() -> None:
    text = render()
    assert "    interface eth0\n" in text
    assert "    unicast_peer {\n        10.89.79.12\n        10.89.79.13\n    }\n" in text
    assert "        10.89.79.100/32 dev eth0\n" in text
    assert "    weight -3\n" in text
    assert "nopreempt" not in text.replace("nopreempt needs it", "")
    assert "enable_script_security" in text


def test_without_preemption_a_dead_api_server_faults_the_node() -> None:
    text = render(keepalived_preempt=False)
    assert "    nopreempt\n" in text
    assert "    weight 0\n" in text


def test_a_node_that_is_alone_names_no_peers() -> None:
    assert "unicast" not in render(keepalived_peers=[], keepalived_priorities=[150])


def test_hmac_is_refused_for_the_keepalived_that_is_installed() -> None:
    with pytest.raises(Exception, match="keepalived 2.2.7 is installed, and hmac needs 2.4.0"):
        render(keepalived_authentication="hmac", keepalived_hmac_key="k" * 32)


def test_hmac_takes_its_key_from_a_file() -> None:
    node = dict(NODE, packages={"keepalived": "2.4.1"})
    text = render(keepalived_authentication="hmac", keepalived_hmac_key="k" * 32, ansible_facts={"kubernetes_node": node})
    assert "key 1 file:/etc/keepalived/hmac.key" in text
    assert "kkkk" not in text


def asked(script: str, *arguments: str) -> "tuple[list[str], str]":
    """What the script would have curl do, by the shell's own word."""
    told = subprocess.run(
        ["sh", "-s", *arguments], input=script.replace("  curl", "  printf '%s\\n'"), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    place = told.index("--resolve")
    return told[place : place + 2], told[-1]


def test_what_a_role_appends_stands_after_the_instance() -> None:
    text = render(keepalived_extra_configuration="virtual_server 10.89.79.100 8443 {\n}")
    assert text.endswith("}\n\nvirtual_server 10.89.79.100 8443 {\n}\n")


def test_a_file_may_say_whether_the_node_is_fit() -> None:
    text = render(keepalived_check_file="/run/fit")
    assert "track_file health {\n    file \"/run/fit\"\n    weight -3\n" in text
    assert "script" not in text.replace("script_security", "").replace("script_user", "")


def test_the_check_goes_through_the_given_port_and_verifies_the_name() -> None:
    text = template("keepalived", "check-apiserver.sh.j2", keepalived_check_port=8443)
    assert asked(text) == (["--resolve", "kubernetes:8443:127.0.0.1"], "https://kubernetes:8443/readyz")
    assert asked(text, "[fd00::21]", "6443") == (["--resolve", "kubernetes:6443:[fd00::21]"], "https://kubernetes:6443/readyz")
    assert "insecure" not in text


@pytest.mark.parametrize(
    ("answers", "arguments", "looks", "fit"),
    [
        ([0], [], 1, True),
        # Nobody listened for a moment, as while HAProxy restarts.
        ([7, 0], [], 2, True),
        ([7, 7], [], 2, False),
        ([22, 0], [], 2, True),
        ([28, 28], [], 2, False),
        # keepalived's checks of real servers name an address, and count by themselves.
        ([7, 0], ["192.0.2.11", "6443"], 1, False),
    ],
)
def test_a_second_look_decides_whether_the_node_is_fit(
    tmp_path: pathlib.Path, answers: "list[int]", arguments: "list[str]", looks: int, fit: bool
) -> None:
    (tmp_path / "codes").write_text("".join("%d\n" % code for code in answers))
    curl = tmp_path / "curl"
    curl.write_text(
        "#!/bin/sh\ncd %s\necho look >>looks\nexit $(sed -n $(grep -c look looks)p codes)\n" % shlex.quote(str(tmp_path))
    )
    curl.chmod(0o700)
    began = time.monotonic()
    done = subprocess.run(
        ["sh", "-s", *arguments],
        input=template("keepalived", "check-apiserver.sh.j2"),
        env={"PATH": "%s:%s" % (tmp_path, os.environ["PATH"])},
        text=True,
        check=False,
    )
    assert ((tmp_path / "looks").read_text().count("look"), done.returncode == 0) == (looks, fit)
    if answers[0] == 7:
        assert time.monotonic() - began < 0.9, "where nobody listens keepalived is told at once"


FAILOVER = {"failover_ip_provider": "ovh", "failover_ip_addresses": ["203.0.113.10"]}


def test_with_a_failover_ip_it_holds_that_too_says_its_state_and_hears_of_the_nodes_fitness() -> None:
    text = render(**FAILOVER)
    assert "        10.89.79.100/32 dev eth0\n        203.0.113.10/32 dev eth0\n" in text
    assert '    file "/run/kubernetes-failover-ip/unfit"\n' in text and "    track_file {\n        unfit_1\n    }\n" in text
    assert "    track_script {\n        apiserver\n    }\n" in text
    assert "    notify /etc/keepalived/note-state.sh\n" in text
    plain = render()
    assert "notify" not in plain and "track_file" not in plain and "203.0.113.10" not in plain
    both = render(keepalived_check_file="/run/fit", **FAILOVER)
    assert "    track_file {\n        health\n        unfit_1\n    }\n" in both


def test_the_state_is_written_whole_and_a_script_that_was_overtaken_is_silent(tmp_path: pathlib.Path) -> None:
    state = tmp_path / "state"
    script = tmp_path / "note.sh"
    script.write_text(template("keepalived", "note-state.sh.j2", keepalived_state_file=str(state)))

    def note(word: str) -> "list[str]":
        subprocess.run(["sh", str(script), "INSTANCE", "kubernetes", word, "150"], check=True)
        return state.read_text().split()

    assert note("BACKUP")[:2] == ["BACKUP", str(os.getpid())]
    assert note("MASTER")[0] == "MASTER"
    # Another script of the same keepalived, begun later, was faster.
    later = int(note("MASTER")[2]) + 50
    state.write_text("FAULT %d %d\n" % (os.getpid(), later))
    assert note("MASTER")[0] == "FAULT"
    # Of another keepalived, or the numbers began anew.
    state.write_text("FAULT 1 %d\n" % later)
    assert note("MASTER")[0] == "MASTER"
    state.write_text("FAULT %d %d\n" % (os.getpid(), later + 20000))
    assert note("BACKUP")[0] == "BACKUP"
    assert stat.S_IMODE(state.stat().st_mode) == 0o644


@pytest.mark.skipif(
    shutil.which("keepalived") is None or os.geteuid() != 0,
    reason="no keepalived, or not root: its own check of the text is not run",
)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"keepalived_preempt": False},
        {"keepalived_peers": [], "keepalived_priorities": [150]},
        {"keepalived_virtual_addresses": ["10.89.79.100/24", "fd00::100"]},
        {"keepalived_vrrp_version": 2},
        {"keepalived_preempt": False, **FAILOVER},
    ],
)
def test_keepalived_itself_takes_the_text(given: "dict[str, Any]") -> None:
    interface = next(name for name in sorted(os.listdir("/sys/class/net")) if name != "lo")
    # Not under /tmp: script security refuses a script in a folder that others may write to.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="unit-test-", dir="/etc/keepalived"))
    try:
        script = folder / "check.sh"
        script.write_text(template("keepalived", "check-apiserver.sh.j2"))
        script.chmod(0o700)
        config = folder / "keepalived.conf"
        text = render(keepalived_interface=interface, **given)
        note = folder / "note.sh"
        note.write_text("#!/bin/sh\n")
        note.chmod(0o700)
        text = text.replace("/etc/keepalived/note-state.sh", str(note))
        config.write_text(text.replace("/etc/keepalived/check-apiserver.sh", str(script)))
        config.chmod(0o600)
        done = subprocess.run(
            ["keepalived", "--config-test", "--use-file", str(config)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        shutil.rmtree(folder)
