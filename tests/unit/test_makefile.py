"""A machine without venv, which Debian keeps in a package of its own: root is given it, anybody else is told."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")

VENV = """#!/bin/sh
[ "$1 $2" = "-m venv" ] && mkdir -p "$3/bin" && printf '#!/bin/sh\\n' >"$3/bin/pip" && chmod 0755 "$3/bin/pip"
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    for part in ("Makefile", "tests/lab/lab.mk", "tests/requirements.txt"):
        (tmp_path / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / part, tmp_path / part)
    (tmp_path / "bin").mkdir()
    return tmp_path


def make(project: pathlib.Path, user: int, packages: str) -> subprocess.CompletedProcess[str]:
    """`make` where Python is found once a file `python` exists.

    :param packages: what apt-get does.
    """
    programs = {"id": "echo %d" % user, "apt-get": 'echo "$@" >>%s/asked\n%s' % (project, packages)}
    for name, text in programs.items():
        (project / "bin" / name).write_text("#!/bin/sh\n%s\n" % text)
        (project / "bin" / name).chmod(0o755)
    environment = {**os.environ, "PATH": "%s:%s" % (project / "bin", os.environ["PATH"])}
    found = "PYTHON=$(wildcard %s/python)" % project
    argv = ["make", found, ".venv/ready"]
    return subprocess.run(argv, cwd=project, env=environment, capture_output=True, text=True, check=False)


def asked(project: pathlib.Path) -> str:
    return (project / "asked").read_text() if (project / "asked").exists() else ""


def test_root_is_given_venv_and_the_same_call_goes_on(project: pathlib.Path) -> None:
    (project / "venv").write_text(VENV)
    (project / "venv").chmod(0o755)
    done = make(project, 0, '[ "$1" = update ] || cp -p %s/venv %s/python' % (project, project))
    assert done.returncode == 0, done.stderr
    assert "install -y -qq python3-venv" in asked(project)
    assert (project / ".venv" / "ready").exists()


def test_where_venv_is_nothing_is_installed(project: pathlib.Path) -> None:
    (project / "python").write_text(VENV)
    (project / "python").chmod(0o755)
    assert make(project, 0, "exit 1").returncode == 0
    assert asked(project) == ""


def test_what_is_ready_needs_no_venv(project: pathlib.Path) -> None:
    (project / ".venv").mkdir()
    (project / ".venv" / "ready").touch()
    assert make(project, 0, "exit 1").returncode == 0
    assert asked(project) == ""


@pytest.mark.parametrize(("user", "packages"), [(0, "exit 0"), (1000, "exit 0")], ids=["root", "somebody else"])
def test_where_there_is_none_it_says_what_to_install(project: pathlib.Path, user: int, packages: str) -> None:
    done = make(project, user, packages)
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr
    assert bool(asked(project)) == (user == 0)
    assert not (project / ".venv").exists()


def test_packages_that_can_not_be_had_end_it_there(project: pathlib.Path) -> None:
    done = make(project, 0, "echo 'apt: no server' >&2; exit 100")
    assert done.returncode != 0
    assert "apt: no server" in done.stderr
    assert not (project / ".venv").exists()
