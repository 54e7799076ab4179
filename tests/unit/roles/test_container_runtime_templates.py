"""The role's files for each generation of containerd, read back as what containerd reads."""

from __future__ import annotations

import pathlib
import re
import shutil
import subprocess
from typing import Any, Dict

import jinja2
import pytest
import tomllib
import yaml
from ansible.plugins.filter.core import to_bool
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import config_schema, generation_data
from yaml_files import read_yaml

ROLE = pathlib.Path(__file__).resolve().parents[3] / "roles/container_runtime"
DEFAULTS: Dict[str, Any] = {
    **read_yaml(ROLE / "defaults/main.yml"),
    "container_runtime_sandbox_image": "registry.k8s.io/pause:3.10.2",
    "container_runtime_snapshotter": "",
    "_container_runtime_socket": "/run/containerd/containerd.sock",
}
V2 = "io.containerd.grpc.v1.cri"
IMAGES, RUNTIME = "io.containerd.cri.v1.images", "io.containerd.cri.v1.runtime"


def template(name: str, **settings: Any) -> str:
    # trim_blocks is Ansible's own setting.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(ROLE / "templates")),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["baremetal.kubernetes.containerd_generation"] = generation_data
    environment.filters["bool"] = to_bool
    return environment.get_template(name).render({**DEFAULTS, **settings})


def config(version: str, **settings: Any) -> Dict[str, Any]:
    name = "config-v%d.toml.j2" % config_schema(version)
    return tomllib.loads(template(name, _container_runtime_installed=version, **settings))


def test_containerd_1_gets_schema_2() -> None:
    cri = config("1.7.28")["plugins"][V2]
    assert config("1.7.28")["version"] == 2
    assert cri["sandbox_image"] == "registry.k8s.io/pause:3.10.2"
    assert cri["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is True
    assert cri["registry"] == {"config_path": "/etc/containerd/certs.d"}
    assert cri["cni"] == {"bin_dir": "/opt/cni/bin", "conf_dir": "/etc/cni/net.d"}


@pytest.mark.parametrize(("version", "schema"), [("2.0.6", 3), ("2.2.1", 3), ("2.3.4", 4)])
def test_containerd_2_gets_its_settings_under_images_and_runtime(version: str, schema: int) -> None:
    whole = config(version)
    images, runtime = whole["plugins"][IMAGES], whole["plugins"][RUNTIME]
    assert whole["version"] == schema
    assert images["pinned_images"] == {"sandbox": "registry.k8s.io/pause:3.10.2"}
    assert images["registry"] == {"config_path": "/etc/containerd/certs.d"}
    assert runtime["containerd"]["runtimes"]["runc"]["runtime_type"] == "io.containerd.runc.v2"
    assert runtime["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is True


@pytest.mark.parametrize(
    ("version", "cni"), [("2.0.6", {"bin_dir": "/x"}), ("2.1.3", {"bin_dirs": ["/x"]}), ("2.3.4", {"bin_dirs": ["/x"]})]
)
def test_the_cni_folder_is_written_under_the_one_key_that_the_version_takes(version: str, cni: Dict[str, Any]) -> None:
    """containerd 2.1 and later refuse a file that makes both bin_dir and bin_dirs hold something."""
    written = config(version, container_runtime_cni_binaries_path="/x")["plugins"][RUNTIME]["cni"]
    assert written == {**cni, "conf_dir": "/etc/cni/net.d"}


@pytest.mark.parametrize("version", ["1.6.20", "2.1.3", "2.3.4"])
def test_options_reach_every_schema(version: str) -> None:
    plugins = config(version, container_runtime_snapshotter="zfs", container_runtime_restrict_oom_score_adj=True)["plugins"]
    assert (plugins[V2] if V2 in plugins else plugins[RUNTIME])["restrict_oom_score_adj"] is True
    assert (plugins[V2]["containerd"] if V2 in plugins else plugins[IMAGES])["snapshotter"] == "zfs"
    plain = config(version)["plugins"]
    assert "restrict_oom_score_adj" not in str(plain)
    assert "snapshotter" not in str(plain)


@pytest.mark.parametrize("version", ["1.6.20", "2.1.3", "2.3.4"])
def test_nothing_switches_the_cri_off(version: str) -> None:
    """Docker's package of containerd comes with disabled_plugins = ["cri"]; our file takes its place whole."""
    assert "disabled_plugins" not in config(version)


@pytest.mark.parametrize("version", ["1.6.20", "2.1.3", "2.3.4"])
def test_a_users_own_text_stands_at_the_end(version: str) -> None:
    assert config(version, container_runtime_config_extra="[metrics]\n  address = '127.0.0.1:1338'")["metrics"] == {
        "address": "127.0.0.1:1338"
    }


def test_crictl_asks_the_same_socket() -> None:
    parsed = yaml.safe_load(template("crictl.yaml.j2"))
    assert parsed["runtime-endpoint"] == parsed["image-endpoint"] == "unix:///run/containerd/containerd.sock"


def installed_version() -> str:
    if shutil.which("containerd") is None:
        return ""
    match = re.search(r"\s(v?\d+\.\d+\.\d+)", subprocess.run(["containerd", "--version"], capture_output=True, text=True).stdout)
    return match.group(1) if match else ""


@pytest.mark.skipif(not installed_version(), reason="no containerd here")
def test_the_containerd_that_is_installed_here_takes_its_file(tmp_path: pathlib.Path) -> None:
    version = installed_version()
    path = tmp_path / "config.toml"
    path.write_text(
        template(
            "config-v%d.toml.j2" % config_schema(version),
            _container_runtime_installed=version,
            container_runtime_restrict_oom_score_adj=True,
        )
    )
    done = subprocess.run(["containerd", "--config", str(path), "config", "dump"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    dump = tomllib.loads(done.stdout)["plugins"]
    # containerd 2 keeps a plugin under the old name for its server.
    runtime = dump[RUNTIME] if RUNTIME in dump else dump[V2]
    assert runtime["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"] is True
    assert runtime["restrict_oom_score_adj"] is True
    assert "registry.k8s.io/pause:3.10.2" in done.stdout
