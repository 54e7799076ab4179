from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Dict, List, Mapping, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.credentials import Host, gather
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import CredentialsError, ProviderError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.ovh import ENDPOINTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.registry import make
from conftest import ROOT
from fake_providers import CASES

OVH_CONF = """
[default]
endpoint=ovh-ca
[ovh-eu]
application_key=eu-key
application_secret=eu-secret
consumer_key=eu-consumer
[ovh-ca]
application_key=ca-key
application_secret=ca-secret%
consumer_key=ca-consumer
"""
CLI_TOML = """active_context = "production"

[[contexts]]
  name = "test"
  token = "test-token"

[[contexts]]
  name = "production"
  token = "production-token"
"""
SCW = """access_key: SCWXXXXXXXXXXXXXXXXX
secret_key: 11111111-1111-1111-1111-111111111111
default_zone: fr-par-1
active_profile: metal
profiles:
  metal:
    secret_key: 22222222-2222-2222-2222-222222222222
  other:
    secret_key: 33333333-3333-3333-3333-333333333333
    default_zone: nl-ams-1
"""


def host(environment: Mapping[str, str], **files: str) -> Host:
    kept = {"/home/u/.ovh.conf": "", **files}
    return Host({"HOME": "/home/u", **environment}, lambda path: kept.get(path))


def found(
    provider: str, environment: Mapping[str, str], files: Mapping[str, str], given: Mapping[str, Any] = {}, **more: str
) -> Dict[str, str]:  # noqa: B006
    return gather(provider, given, host=host(environment, **files), **more)


def test_what_is_given_wins_over_the_environment_and_that_over_the_file() -> None:
    files = {"/etc/ovh.conf": OVH_CONF}
    environment = {"OVH_CONSUMER_KEY": "env-consumer", "OVH_APPLICATION_KEY": "env-key"}
    known = found("ovh", environment, files, {"application_key": "given", "application_secret": None})
    assert known == {
        "endpoint": "ovh-ca",
        "application_key": "given",
        "consumer_key": "env-consumer",
        "application_secret": "ca-secret%",
    }


def test_the_nearest_ovh_conf_wins_and_a_profile_names_its_endpoint() -> None:
    files = {"/etc/ovh.conf": OVH_CONF, "/home/u/.ovh.conf": "[ovh-ca]\nconsumer_key=mine\n"}
    assert found("ovh", {}, files)["consumer_key"] == "mine"
    assert found("ovh", {}, files, profile="ovh-eu")["application_secret"] == "eu-secret"
    assert found("ovh", {"OVH_ENDPOINT": "ovh-eu"}, files)["application_secret"] == "eu-secret"
    only = {"/etc/ovh.conf": "[ovh-eu]\napplication_key=a\napplication_secret=b\nconsumer_key=c\n"}
    assert found("ovh", {}, only)["endpoint"] == "ovh-eu"


def test_a_service_account_of_ovh_is_refused_with_what_to_make() -> None:
    with pytest.raises(CredentialsError, match="OAuth2.*application_key"):
        found("ovh", {}, {"/etc/ovh.conf": "[ovh-eu]\nclient_id=x\nclient_secret=very-secret\n"})


def test_a_broken_file_is_named_and_not_quoted() -> None:
    with pytest.raises(CredentialsError) as refused:
        found("ovh", {}, {"/etc/ovh.conf": "application_secret=very-secret\n"})
    assert "/etc/ovh.conf" in str(refused.value) and "very-secret" not in str(refused.value)


def test_hclouds_active_context_counts_unless_another_is_named() -> None:
    files = {"/home/u/.config/hcloud/cli.toml": CLI_TOML}
    assert found("hetzner_cloud", {}, files) == {"token": "production-token"}
    assert found("hetzner_cloud", {"HCLOUD_CONTEXT": "test"}, files) == {"token": "test-token"}
    assert found("hetzner_cloud", {"HCLOUD_TOKEN": "t"}, files) == {"token": "t"}
    assert found("hetzner_cloud", {"HCLOUD_CONFIG": "/c"}, {"/c": CLI_TOML}, profile="test") == {"token": "test-token"}
    with pytest.raises(CredentialsError, match="no context 'nobody'"):
        found("hetzner_cloud", {}, files, profile="nobody")


def test_a_profile_of_scw_takes_from_the_top_what_it_does_not_say() -> None:
    files = {"/home/u/.config/scw/config.yaml": SCW}
    assert found("scaleway", {}, files) == {"secret_key": "22222222-2222-2222-2222-222222222222", "zone": "fr-par-1"}
    assert found("scaleway", {}, files, profile="other")["zone"] == "nl-ams-1"
    assert found("scaleway", {"SCW_PROFILE": "default"}, files)["secret_key"].startswith("1111")
    assert found("scaleway", {"SCW_DEFAULT_ZONE": "pl-waw-2"}, files)["zone"] == "pl-waw-2"
    with pytest.raises(CredentialsError, match="no profile 'nobody'"):
        found("scaleway", {}, files, profile="nobody")


def test_what_is_missing_is_said_with_all_places_where_it_could_be() -> None:
    for provider, words in {
        "ovh": ["application_key, application_secret, consumer_key", "OVH_CONSUMER_KEY", "/etc/ovh.conf"],
        "hetzner_robot": ["user, password", "HROBOT_API_PASSWORD"],
        "hetzner_cloud": ["token", "HCLOUD_TOKEN", "/home/u/.config/hcloud/cli.toml"],
        "scaleway": ["secret_key, zone", "SCW_SECRET_KEY", "/home/u/.config/scw/config.yaml"],
    }.items():
        with pytest.raises(CredentialsError) as refused:
            found(provider, {}, {})
        assert [word for word in words if word not in str(refused.value)] == []
    with pytest.raises(CredentialsError, match="no file of its own"):
        found("hetzner_robot", {}, {}, config_file="/x")


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"name": "aws"}, "provider"),
        ({"address": "k8s.example.org"}, "ip"),
        ({"base_url": "api.example.org"}, "base_url"),
        ({"base_url": "https://user:password@api.example.org"}, "base_url"),
        ({"base_url": "https://api.example.org", "ca_file": "/nonexistent.pem"}, "ca_file"),
        ({"credentials": {**CASES["ovh"].credentials, "endpoint": "ovh-mars"}}, "endpoint"),
        ({"credentials": {**CASES["ovh"].credentials, "consumer_key": "x\r\nHost: evil"}}, "consumer_key"),
    ],
)
def test_a_bad_setting_is_named_before_anything_is_sent(change: Dict[str, Any], subject: str) -> None:
    with pytest.raises(ProviderError) as refused:
        make(**{"name": "ovh", "address": "203.0.113.10", "credentials": CASES["ovh"].credentials, **change})
    assert refused.value.subject == subject


class Recorder(BaseHTTPRequestHandler):
    """Takes down what of a request is signed, and answers as a person who has an address would like."""

    seen: "List[Tuple[str, str, bytes, Dict[str, str]]]" = []

    def log_message(self, *_arguments: Any) -> None:
        """Silent."""

    def any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        wanted = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("x-ovh")}
        self.seen.append((self.command, self.path, body, wanted))
        answer = b"1790000000" if self.path.endswith("/auth/time") else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = any  # noqa: N815


def test_the_package_ovh_would_send_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("ovh", reason="the package ovh is not installed")
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    url = "http://127.0.0.1:%d/1.0" % server.server_address[1]
    case = CASES["ovh"]
    secrets = {name: value for name, value in case.credentials.items() if name != "endpoint"}
    # One moment for both, in whole seconds.
    module = sys.modules[library.Client.__module__]
    monkeypatch.setattr(module.time, "time", lambda: 1_790_000_100.0)
    monkeypatch.setitem(module.ENDPOINTS, "ovh-eu", url)
    Recorder.seen.clear()
    theirs = library.Client(endpoint="ovh-eu", **secrets)
    theirs.get("/ip/203.0.113.10%2F32")
    theirs.get("/ip/203.0.113.10%2F32/task?function=genericMoveFloatingIp&status=todo")
    theirs.post("/ip/203.0.113.10%2F32/move", to="ns2.ip-198-51-100.eu")
    expected = list(Recorder.seen)
    Recorder.seen.clear()
    ours: Any = make("ovh", "203.0.113.10", case.credentials, url)
    ours.read()
    ours._signed_list("GET", ours._path("/task?function=genericMoveFloatingIp&status=todo"))
    ours._signed("POST", ours._path("/move"), {"to": "ns2.ip-198-51-100.eu"})
    server.shutdown()
    assert [seen for seen in Recorder.seen if "auth/time" not in seen[1]] == [
        seen for seen in expected if "auth/time" not in seen[1]
    ]
    assert len(expected) >= 3 and all("x-ovh-signature" in seen[3] for seen in expected if "auth/time" not in seen[1])


def test_our_endpoints_are_those_of_the_package() -> None:
    library = pytest.importorskip("ovh", reason="the package ovh is not installed")
    assert sys.modules[library.Client.__module__].ENDPOINTS == ENDPOINTS


def test_the_text_of_the_providers_names_no_file_of_tests() -> None:
    folder = ROOT / "plugins" / "module_utils" / "providers"
    assert all("tests/" not in path.read_text() for path in folder.glob("*.py"))
