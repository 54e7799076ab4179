from __future__ import annotations

from typing import Any, Dict

import pytest
import tomllib
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import (
    RegistryError,
    hosts_files,
    hosts_toml,
)


def test_a_registry_without_tls_is_reached_over_http() -> None:
    """Trap 36: an http registry in imageRepository that containerd would speak TLS to."""
    text = hosts_toml({"name": "192.168.6.164:5000", "server": "http://192.168.6.164:5000"})
    # containerd 1.6 wants the table, were it empty (tests/unit/real/test_registry.py).
    assert tomllib.loads(text) == {"server": "http://192.168.6.164:5000", "host": {}}


def test_mirrors_keep_their_order_and_carry_all_their_settings() -> None:
    parsed = tomllib.loads(
        hosts_toml(
            {
                "name": "docker.io",
                "server": "https://registry-1.docker.io",
                "skip_verify": True,
                "header": {"X-Server": "s"},
                "mirrors": [
                    {"url": "http://10.0.0.5:5000"},
                    {
                        "url": "https://mirror.example/v2/docker",
                        "capabilities": ["pull"],
                        "ca": "/etc/ssl/mirror.crt",
                        "skip_verify": False,
                        "override_path": True,
                        "header": {"X-Token": 'a "quoted" one'},
                    },
                ],
            }
        )
    )
    assert list(parsed["host"]) == ["http://10.0.0.5:5000", "https://mirror.example/v2/docker"]
    assert parsed["host"]["http://10.0.0.5:5000"] == {"capabilities": ["pull", "resolve"]}
    assert parsed["host"]["https://mirror.example/v2/docker"] == {
        "capabilities": ["pull"],
        "ca": "/etc/ssl/mirror.crt",
        "override_path": True,
        "header": {"X-Token": 'a "quoted" one'},
    }
    assert parsed["skip_verify"] is True
    assert parsed["header"] == {"X-Server": "s"}


def test_each_registry_has_its_own_folder_and_can_be_taken_away() -> None:
    files = hosts_files([{"name": "docker.io", "server": "https://x"}, {"name": "old.example", "state": "absent"}], "/etc/c/")
    assert files[0]["path"] == "/etc/c/docker.io/hosts.toml"
    assert files[1] == {"path": "/etc/c/old.example/hosts.toml", "state": "absent"}


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ({"name": "192.168.6.164:5000", "server": "192.168.6.164:5000"}, "http://"),
        ({"name": "http://192.168.6.164:5000"}, "without scheme"),
        ({"name": "docker.io/library"}, "without scheme"),
        ({"name": "../../tmp"}, "without scheme"),
        ({"name": "docker.io", "mirrors": [{"url": "mirror:5000"}]}, "http://"),
        ({"name": "docker.io", "mirrors": [{"url": "http://m", "capabilities": ["fly"]}]}, "pull, resolve, push"),
        ({"name": "docker.io", "mirror": []}, "mirrors"),
        ({"name": "docker.io", "mirrors": [{"url": "http://m", "insecure": True}]}, "skip_verify"),
    ],
)
def test_what_containerd_could_not_use_is_refused_with_what_to_write(registry: Dict[str, Any], words: str) -> None:
    with pytest.raises(RegistryError, match=words):
        hosts_files([registry], "/etc/containerd/certs.d")
