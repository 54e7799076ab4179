from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import (
    RuntimeVersionError,
    config_schema,
    generation,
)


# containerd docs/man/containerd-config.toml.5.md and RELEASES.md
@pytest.mark.parametrize(
    ("version", "schema"),
    [
        ("1.4.13", 2),
        ("1.6.20~ds1-1+deb12u3", 2),
        ("v1.7.28", 2),
        ("1.7.28-1", 2),
        ("2.0.6", 3),
        ("2.1.3", 3),
        ("2.2.0", 3),
        ("2.3.4", 4),
        ("2.10.0", 4),
        ("3.0.0-beta.1", 4),
    ],
)
def test_the_schema_follows_the_installed_version(version: str, schema: int) -> None:
    assert config_schema(version) == schema


def test_containerd_2_1_and_later_take_a_list_of_cni_folders() -> None:
    assert [generation(version).cni_binaries_key for version in ("1.7.1", "2.0.9", "2.1.0", "2.3.0")] == [
        "bin_dir",
        "bin_dir",
        "bin_dirs",
        "bin_dirs",
    ]


@pytest.mark.parametrize("version", ["", None, "unknown", "1.2.14"])
def test_no_version_and_ancient_ones_are_refused_with_a_remedy(version: object) -> None:
    with pytest.raises(RuntimeVersionError) as caught:
        config_schema(version)
    assert caught.value.remedy
