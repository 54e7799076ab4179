"""Files of our own are there whole or not at all, with their mode from the first moment."""

from __future__ import annotations

import os
import pathlib

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file


def test_a_file_of_our_own_is_replaced_whole(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("the former text, which is longer")
    (tmp_path / ".state.json.new").write_text("left by a run that was killed, and longer than the text")
    replace_file(str(path), "short\n")
    assert path.read_text() == "short\n"
    assert os.listdir(tmp_path) == ["state.json"]


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_the_mode_is_as_asked_for_whatever_the_umask(tmp_path: pathlib.Path, mode: int) -> None:
    former = os.umask(0o077)
    try:
        replace_file(str(tmp_path / "file"), b"s", mode)
    finally:
        os.umask(former)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full: no disk is full here")
def test_a_full_disk_leaves_the_former_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "state.json"
    path.write_text("former")
    (tmp_path / ".state.json.new").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        # The device's own mode, which it keeps.
        replace_file(str(path), "x" * 100000, 0o666)
    assert path.read_text() == "former"
