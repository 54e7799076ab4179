from __future__ import annotations

import os
import pathlib
import subprocess
from typing import List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold

BUSY = RuntimeError("somebody works here")


def test_who_comes_second_waits_and_is_then_refused(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "lock")
    pauses: List[float] = []
    with hold(path, 0, BUSY), pytest.raises(RuntimeError, match="somebody works here"), hold(path, 0.05, BUSY, pauses.append):
        pytest.fail("two hold it at once")
    assert pauses
    with hold(path, 0, BUSY):
        pass


def test_a_lock_that_becomes_free_is_taken(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "lock")
    first = hold(path, 0, BUSY)
    first.__enter__()
    ended: List[float] = []

    def end(seconds: float) -> None:
        ended.append(seconds)
        first.__exit__(None, None, None)

    with hold(path, 60, BUSY, end):
        assert ended == [1]


def test_a_directory_is_locked_as_it_is(tmp_path: pathlib.Path) -> None:
    with hold(str(tmp_path), 0, BUSY):
        assert os.listdir(tmp_path) == []
        with pytest.raises(RuntimeError), hold(str(tmp_path), 0, BUSY):
            pytest.fail("two hold it at once")


def test_a_process_that_inherits_the_descriptor_holds_on(tmp_path: pathlib.Path) -> None:
    path = str(tmp_path / "lock")
    with hold(path, 0, BUSY) as descriptor:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[descriptor])
    try:
        with pytest.raises(RuntimeError), hold(path, 0, BUSY):
            pytest.fail("the child holds it")
    finally:
        child.kill()
        child.wait()
    with hold(path, 0, BUSY):
        pass
