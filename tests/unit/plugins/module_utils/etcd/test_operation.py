# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a member of external etcd begins, goes on, and is replaced; and certificates by the real OpenSSL."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile
from typing import Any, List, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd import certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.certificates import Leaf, Pair, reason_to_issue
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import Situation, plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import Peer
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import parse_pem

OWN = Peer("etcd2", "192.0.2.32")
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def member(number: int, name: Optional[str] = None, served: bool = True, learner: bool = False, address: str = "") -> Member:
    address = address or "192.0.2.3%d" % number
    urls = ["https://%s:2379" % address] if served else []
    return Member(number, "etcd%d" % number if name is None else name, ["https://%s:2380" % address], urls, learner)


OTHERS = [member(1), member(3)]


def steps(data: bool, members: Optional[Sequence[Member]], **more: Any) -> List[str]:
    healthy = more.pop("healthy", False)
    return plan(OWN, Situation(data, members, healthy), more.get("bootstrap", False), more.get("replace", False))


def test_all_begin_together_only_where_the_plan_over_all_hosts_says_so() -> None:
    assert steps(False, None, bootstrap=True) == ["begin_new"]
    with pytest.raises(HostStateError, match="no other member answers"):
        steps(False, None)


def test_a_founding_member_that_never_came_up_begins_with_its_own_place() -> None:
    assert steps(False, [*OTHERS, member(2, served=False)]) == ["begin_new"]


def test_a_new_member_is_added_as_a_learner_and_promoted() -> None:
    assert steps(False, OTHERS) == ["add", "begin_existing", "promote"]


def test_what_a_killed_run_has_added_is_started_and_not_added_again() -> None:
    assert steps(False, [*OTHERS, member(2, name="", served=False, learner=True)]) == ["begin_existing", "promote"]


def test_a_learner_with_data_is_promoted_even_while_it_may_be_replaced() -> None:
    for replace in (False, True):
        assert steps(True, [*OTHERS, member(2, learner=True)], replace=replace) == ["start", "promote"]


def test_a_member_whose_data_is_gone_is_refused_with_the_words_that_allow_it() -> None:
    with pytest.raises(HostStateError, match="-e etcd_replace_member=etcd2"):
        steps(False, [*OTHERS, member(2)])


def test_with_the_opt_in_it_is_removed_first_and_comes_back_as_a_learner() -> None:
    assert steps(False, [*OTHERS, member(2)], replace=True) == ["remove", "add", "begin_existing", "promote"]


def test_a_machine_that_came_back_at_another_address_is_the_same_member() -> None:
    elsewhere = [*OTHERS, member(2, address="192.0.2.99")]
    assert steps(False, elsewhere, replace=True) == ["remove", "add", "begin_existing", "promote"]
    with pytest.raises(HostStateError, match="etcd_replace_member=etcd2"):
        steps(False, elsewhere)
    with pytest.raises(HostStateError, match=r"known|know it at https://192\.0\.2\.99:2380"):
        steps(True, elsewhere)


def test_the_opt_in_does_nothing_to_a_healthy_member() -> None:
    assert steps(True, [*OTHERS, member(2)], healthy=True, replace=True) == ["start"]


def test_the_data_of_a_sick_member_is_set_aside_before_it_is_replaced() -> None:
    found = steps(True, [*OTHERS, member(2)], replace=True)
    assert found == ["set_aside", "remove", "add", "begin_existing", "promote"]


def test_nothing_is_set_aside_while_nobody_else_has_a_quorum() -> None:
    with pytest.raises(HostStateError, match="no other member answers"):
        steps(True, None, replace=True)


def test_a_member_with_data_starts_also_where_nobody_answers() -> None:
    assert steps(True, None) == ["start"]


def test_a_member_that_was_removed_while_it_was_away_is_not_let_in_by_itself() -> None:
    with pytest.raises(HostStateError, match="was removed from the cluster"):
        steps(True, OTHERS)


# certificates


@pytest.fixture(scope="module")
def authority() -> Pair:
    return certificates.make_authority(HostRunner(), "etcd-ca", 3650)


def issue(folder: pathlib.Path, authority: Pair, leaf: Leaf, days: int = 365) -> None:
    runner = HostRunner()
    (folder / "ca.crt").write_text(authority.certificate)
    key = pathlib.Path(leaf.key).read_text() if pathlib.Path(leaf.key).exists() else certificates.make_key(runner)
    pathlib.Path(leaf.key).write_text(key)
    request = certificates.make_request(runner, key, "what the request says counts for nothing")
    pathlib.Path(leaf.certificate).write_text(certificates.sign(runner, authority, request, leaf, days))


def why(folder: pathlib.Path, leaf: Leaf, days: int = 90, now: float = 0.0) -> str:
    runner = HostRunner()
    return reason_to_issue(runner, leaf, str(folder / "ca.crt"), days, now or runner.now())


@needs_openssl
def test_a_certificate_is_issued_once_and_has_what_was_asked_for(tmp_path: pathlib.Path, authority: Pair) -> None:
    leaf = Leaf(str(tmp_path / "server"), "etcd1", ["etcd1", "192.0.2.31", "::1"], True)
    assert why(tmp_path, leaf) == "new"
    issue(tmp_path, authority, leaf)
    assert why(tmp_path, leaf) == ""
    made = parse_pem(pathlib.Path(leaf.certificate).read_text(), "server")[0]
    assert (made.common_name, made.sans, made.is_ca) == ("etcd1", ["etcd1", "192.0.2.31", "::1"], False)
    text = subprocess.run(
        ["openssl", "x509", "-noout", "-text"], input=pathlib.Path(leaf.certificate).read_bytes(), capture_output=True, check=True
    )
    assert b"TLS Web Server Authentication, TLS Web Client Authentication" in text.stdout
    assert (made.not_before - parse_pem(authority.certificate, "ca")[0].not_before).total_seconds() >= 0


@needs_openssl
def test_a_certificate_near_its_end_is_issued_again_with_the_same_key(tmp_path: pathlib.Path, authority: Pair) -> None:
    leaf = Leaf(str(tmp_path / "peer"), "etcd1", ["etcd1"], True)
    issue(tmp_path, authority, leaf, days=20)
    key = pathlib.Path(leaf.key).read_text()
    assert why(tmp_path, leaf, days=10) == ""
    assert "ends in 19 days" in why(tmp_path, leaf, days=90)
    issue(tmp_path, authority, leaf)
    assert (why(tmp_path, leaf), pathlib.Path(leaf.key).read_text()) == ("", key)


@needs_openssl
def test_what_does_not_fit_any_more_is_issued_again(tmp_path: pathlib.Path, authority: Pair) -> None:
    leaf = Leaf(str(tmp_path / "server"), "etcd1", ["etcd1"], True)
    issue(tmp_path, authority, leaf)
    assert why(tmp_path, leaf._replace(sans=["etcd1", "192.0.2.99"])) == "it lacks 192.0.2.99"
    assert why(tmp_path, leaf._replace(common_name="etcd9")) == "it is for etcd1"
    (tmp_path / "ca.crt").write_text(certificates.make_authority(HostRunner(), "etcd-ca", 10).certificate)
    assert why(tmp_path, leaf) == "another authority signed it"
    pathlib.Path(leaf.key).write_text(certificates.make_key(HostRunner()))
    assert why(tmp_path, leaf) == "it is another key's"


@needs_openssl
def test_a_leaf_never_outlives_its_authority_and_is_not_issued_in_vain(tmp_path: pathlib.Path) -> None:
    short = certificates.make_authority(HostRunner(), "etcd-ca", 30)
    leaf = Leaf(str(tmp_path / "client"), "client", [], False)
    issue(tmp_path, short, leaf)
    ends = [parse_pem(text, "x")[0].not_after for text in (short.certificate, pathlib.Path(leaf.certificate).read_text())]
    assert ends[0] == ends[1]
    assert why(tmp_path, leaf) == ""


@needs_openssl
def test_no_key_is_left_beside_those_that_are_kept(
    tmp_path: pathlib.Path, authority: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: List[pathlib.Path] = []
    mkdtemp = tempfile.mkdtemp

    def noted(**where: Any) -> str:
        made.append(pathlib.Path(mkdtemp(**where)))
        return str(made[-1])

    monkeypatch.setattr(certificates.tempfile, "mkdtemp", noted)
    issue(tmp_path, authority, Leaf(str(tmp_path / "server"), "etcd1", [], True))
    assert made and not [folder for folder in made if folder.exists()]
