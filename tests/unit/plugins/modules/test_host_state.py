"""What host_state says of the files that nobody may see."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Callable, Dict, List

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.modules import host_state
from module_arguments import patch_module_args

SECRET = '{\n  "password": "pass\'wörd \\\\ \\"4711\\""\n}\n'


@pytest.fixture(name="call")
def _call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Dict[str, Any]]:
    def call(**given: Any) -> Dict[str, Any]:
        with patch_module_args({**given, "_ansible_diff": True}), pytest.raises(SystemExit):
            host_state.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return call


def test_a_secret_is_written_and_neither_shown_nor_logged(
    call: Callable[..., Dict[str, Any]], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: List[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, message, log_args=None: logged.append("%s %s" % (message, log_args)))
    path = tmp_path / "credentials.json"
    given = {"files": [{"path": str(path), "mode": "0600"}], "secrets": {str(path): SECRET}}
    for changed in (True, False):
        answer = call(**given)
        assert answer["changed"] is changed
        said = json.dumps(answer, ensure_ascii=False) + "".join(logged)
        assert "4711" not in said and "wörd" not in said
    assert logged, "the system log is not looked at"
    assert path.read_text() == SECRET and path.stat().st_mode & 0o777 == 0o600


def test_a_secret_of_no_file_is_refused(call: Callable[..., Dict[str, Any]], tmp_path: pathlib.Path) -> None:
    answer = call(files=[], secrets={str(tmp_path / "x"): "y"})
    assert answer["failed"] and "is not among the files" in answer["msg"]


def test_a_directory_can_be_entered_unless_its_mode_says_otherwise(
    call: Callable[..., Dict[str, Any]], tmp_path: pathlib.Path
) -> None:
    """A service of root without capabilities was kept out of its own directory by 0644."""
    files = [
        {"path": str(tmp_path / "plain"), "state": "directory"},
        {"path": str(tmp_path / "closed"), "state": "directory", "mode": "0700"},
        {"path": str(tmp_path / "plain" / "file"), "content": "x\n"},
    ]
    assert call(files=files)["changed"] is True
    modes = [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("plain", "closed", "plain/file")]
    assert modes == ["0o755", "0o700", "0o644"]
    assert call(files=files)["changed"] is False
