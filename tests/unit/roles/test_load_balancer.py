from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest
from roles_render import template

BACKENDS = [{"name": "cp%d" % i, "address": "10.89.79.1%d" % i, "port": 6443} for i in (1, 2, 3)]


def test_every_api_server_is_checked_by_readyz_with_a_verified_certificate() -> None:
    text = template("load_balancer", "haproxy.cfg.j2", load_balancer_backends=BACKENDS)
    assert "verify required verifyhost kubernetes ca-file /etc/haproxy/kubernetes-ca.crt" in text
    assert "server cp2 10.89.79.12:6443\n" in text
    assert "    bind *:8443\n" in text
    assert "stats uri" not in text


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy here: its own check of the text is not run")
def test_haproxy_itself_takes_the_text(tmp_path: pathlib.Path) -> None:
    ca = tmp_path / "ca.crt"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=kubernetes",
            "-keyout",
            str(tmp_path / "ca.key"),
            "-out",
            str(ca),
        ],
        check=True,
        capture_output=True,
    )
    text = template("load_balancer", "haproxy.cfg.j2", load_balancer_backends=BACKENDS)
    config = tmp_path / "haproxy.cfg"
    config.write_text(text.replace("/etc/haproxy/kubernetes-ca.crt", str(ca)))
    done = subprocess.run(["haproxy", "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr.upper()
