from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
from roles_render import NODE, expression, role_variables, template

BACKENDS = [{"name": "cp%d" % i, "address": "10.89.79.1%d" % i, "port": 6443} for i in (1, 2, 3)]


def test_every_api_server_is_checked_by_readyz_with_a_verified_certificate() -> None:
    text = template("load_balancer", "haproxy.cfg.j2", load_balancer_backends=BACKENDS)
    assert "verify required verifyhost kubernetes ca-file /etc/haproxy/kubernetes-ca.crt" in text
    assert "server cp2 10.89.79.12:6443\n" in text
    assert "    bind *:8443\n" in text
    assert "stats uri" not in text


def test_additional_ports_are_passed_on_to_the_same_port() -> None:
    given = {"load_balancer_backends": BACKENDS, "load_balancer_additional_ports": [9345]}
    _first, further = template("load_balancer", "haproxy.cfg.j2", **given).split("frontend port-9345\n")
    assert "    bind *:9345\n" in further and "server cp3 10.89.79.13:9345\n" in further
    assert " check on-marked-down" in further and "check-ssl" not in further, "what listens there need not speak TLS"
    text = nginx(load_balancer_additional_ports=[9345])
    assert "listen *:9345 so_keepalive=on;" in text and "server 10.89.79.13:9345 max_fails=2" in text
    assert text.count("server 10.89.79.13:6443 ") == 1


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy here: its own check of the text is not run")
@pytest.mark.parametrize("further", [[], [9345]])
def test_haproxy_itself_takes_the_text(tmp_path: pathlib.Path, further: "list[int]") -> None:
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
    given = {"load_balancer_backends": BACKENDS, "load_balancer_additional_ports": further}
    text = template("load_balancer", "haproxy.cfg.j2", **given)
    config = tmp_path / "haproxy.cfg"
    config.write_text(text.replace("/etc/haproxy/kubernetes-ca.crt", str(ca)))
    done = subprocess.run(["haproxy", "-c", "-f", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr.upper()


def nginx(**given: Any) -> str:
    given = {"load_balancer_engine": "nginx", "load_balancer_backends": BACKENDS, **given}
    return template("load_balancer", "nginx.conf.j2", **given, **role_variables("load_balancer"))


def test_nginx_passes_tcp_on_and_tries_the_next_api_server_soon() -> None:
    text = nginx()
    assert "server 10.89.79.12:6443 max_fails=2 fail_timeout=10s;" in text
    assert "listen *:8443 so_keepalive=on;" in text
    assert "proxy_connect_timeout 2s;" in text
    assert "proxy_timeout 14400s;" in text
    assert "proxy_next_upstream_tries 3;" in text
    assert "http {" not in text, "nothing but the API's port may be opened"


def test_nginx_says_in_its_file_that_it_checks_nobody() -> None:
    assert "asks no API server for its health" in nginx()


def test_nginx_takes_ipv6_addresses_in_brackets() -> None:
    text = nginx(load_balancer_bind_addresses=["::"], load_balancer_backends=[{"name": "cp1", "address": "fd00::11", "port": 6443}])
    assert "listen [::]:8443 so_keepalive=on ipv6only=off;" in text
    assert "server [fd00::11]:6443 " in text


@pytest.mark.parametrize(
    ("family", "engine", "installed", "missing"),
    [
        ("debian", "haproxy", [], ["haproxy"]),
        ("debian", "haproxy", ["haproxy"], []),
        ("debian", "nginx", ["nginx"], ["libnginx-mod-stream"]),
        ("redhat", "nginx", ["haproxy"], ["nginx", "nginx-mod-stream"]),
    ],
)
def test_what_is_missing_follows_from_the_engine(family: str, engine: str, installed: "list[str]", missing: "list[str]") -> None:
    node = dict(NODE, os={"family": family}, packages=dict.fromkeys(installed, "1.0"))
    given = {"load_balancer_engine": engine, "ansible_facts": {"kubernetes_node": node}, **role_variables("load_balancer")}
    found = expression("load_balancer", "{{ _load_balancer_missing }}", **given)
    assert sorted(found) == missing


@pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx here: its own check of the text is not run")
@pytest.mark.parametrize("further", [[], [9345]])
@pytest.mark.parametrize("addresses", [["*"], ["::"], ["127.0.0.1", "::1"]])
def test_nginx_itself_takes_the_text(tmp_path: pathlib.Path, addresses: "list[str]", further: "list[int]") -> None:
    modules = sorted(pathlib.Path("/etc/nginx/modules-enabled").glob("*.conf"))
    if not any("stream" in path.name for path in modules):
        pytest.skip("nginx here has no stream module")
    text = nginx(load_balancer_bind_addresses=addresses, load_balancer_additional_ports=further)
    text = re.sub(r"/run/nginx.pid|/var/log/nginx/error.log", lambda found: str(tmp_path / pathlib.Path(found[0]).name), text)
    config = tmp_path / "nginx.conf"
    config.write_text(text)
    done = subprocess.run(["nginx", "-t", "-c", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr
