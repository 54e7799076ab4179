"""Certificates that openssl made here and that kubeadm made on a recorded control plane, and bytes that are none."""

from __future__ import annotations

import base64
import datetime
import pathlib
import shutil
import subprocess

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import (
    X509Error,
    iso,
    parse_der,
    parse_kubeconfig,
    parse_pem,
    pem_blocks,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_host import RecordedHost

CONTROL_PLANE = RecordedHost("debian12-control-plane")
CA = CONTROL_PLANE.read("/etc/kubernetes/pki/ca.crt") or ""
SERVER = CONTROL_PLANE.read("/etc/kubernetes/pki/apiserver.crt") or ""
DER = base64.b64decode("".join(SERVER.splitlines()[1:-1]))
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def openssl(*words: str, data: bytes = b"") -> bytes:
    return subprocess.run(["openssl"] + list(words), input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


def test_kubeadms_ca_is_a_ca_of_ten_years() -> None:
    certificate = parse_pem(CA, "ca.crt")[0]
    assert (certificate.subject, certificate.issuer, certificate.is_ca) == ("CN=kubernetes", "CN=kubernetes", True)
    assert (certificate.not_after - certificate.not_before).days in range(3649, 3654)


def test_kubeadms_server_certificate_names_the_node_the_service_and_the_endpoint() -> None:
    certificate = parse_pem(SERVER, "apiserver.crt")[0]
    assert certificate.common_name == "kube-apiserver"
    assert certificate.dns_names[0] == "cp1"
    assert certificate.ip_addresses == ["10.96.0.1", "10.89.79.11", "10.89.79.100"]
    assert certificate.is_ca is False


def test_a_certificate_names_the_key_that_signed_it() -> None:
    authority, server = parse_pem(CA, "ca.crt")[0], parse_pem(SERVER, "apiserver.crt")[0]
    assert len(authority.subject_key_id) == 40 and server.authority_key_id == authority.subject_key_id


def test_a_kubeconfigs_certificate_tells_user_and_group() -> None:
    certificates = parse_kubeconfig(CONTROL_PLANE.read("/etc/kubernetes/admin.conf") or "", "admin.conf")
    assert [(c.common_name, c.organizations) for c in certificates] == [("kubernetes-admin", ["system:masters"])]


def test_a_kubeconfig_that_names_a_file_carries_no_certificate() -> None:
    assert parse_kubeconfig("users:\n- user:\n    client-certificate: /var/lib/x.pem\n", "kubelet.conf") == []


@needs_openssl
def test_the_discovery_hash_is_what_kubeadms_documentation_computes_with_openssl() -> None:
    key = openssl("x509", "-pubkey", "-noout", data=CA.encode())
    digest = openssl("dgst", "-sha256", "-r", data=openssl("pkey", "-pubin", "-outform", "der", data=key)).split()[0].decode()
    assert parse_pem(CA, "ca.crt")[0].discovery_hash == "sha256:" + digest


@needs_openssl
@pytest.mark.parametrize("key", ["rsa:2048", "ec", "ed25519"])
def test_names_of_every_kind_and_every_key_are_read(tmp_path: pathlib.Path, key: str) -> None:
    algorithm = ["-newkey", key] + (["-pkeyopt", "ec_paramgen_curve:prime256v1"] if key == "ec" else [])
    names = "subjectAltName=DNS:a.example,DNS:*.b.example,IP:192.0.2.1,IP:2001:db8::1,email:x@example.net,URI:spiffe://x/y"
    subject = "/C=DE/O=Größe/OU=x/CN=nöde"
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "crt")]
    openssl("req", "-x509", "-utf8", "-nodes", *algorithm, "-days", "30000", "-subj", subject, "-addext", names, *files)
    certificate = parse_pem((tmp_path / "crt").read_text(), "crt")[0]
    assert certificate.subject == "C=DE,O=Größe,OU=x,CN=nöde"
    assert certificate.dns_names == ["a.example", "*.b.example"]
    assert certificate.ip_addresses == ["192.0.2.1", "2001:db8::1"]
    assert certificate.not_after.year > 2050


def test_keys_in_a_bundle_are_passed_over_and_never_come_out() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"
    bundle = CA + key + SERVER
    assert [c.common_name for c in parse_pem(bundle, "bundle")] == ["kubernetes", "kube-apiserver"]
    assert len(pem_blocks(bundle)) == 2
    assert "PRIVATE" not in "".join(pem_blocks(bundle))


def test_a_text_without_a_certificate_says_which_file_and_what_to_do() -> None:
    with pytest.raises(X509Error, match=r"/x\.crt: it holds no PEM certificate.*What to do: restore") as caught:
        parse_pem("hello", "/x.crt")
    assert caught.value.source == "/x.crt"


def test_days_left_are_negative_after_the_end() -> None:
    certificate = parse_pem(CA, "ca.crt")[0]
    end = certificate.not_after.timestamp()
    assert [certificate.days_left(end - 86400 * 2), certificate.days_left(end + 1)] == [2, -1]


def test_times_are_written_as_iso_8601_in_utc() -> None:
    assert iso(datetime.datetime(2026, 11, 21, 9, 5, 0, tzinfo=datetime.timezone.utc)) == "2026-11-21T09:05:00Z"


@pytest.mark.parametrize("cut", range(0, len(DER), 7))
def test_a_certificate_that_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(X509Error):
        parse_der(DER[:cut], "x")


@pytest.mark.parametrize(
    "data",
    [
        DER + b"\x00",
        b"\x30\x80" + DER[4:] + b"\x00\x00",
        b"\x30\x84\x00" + DER[2:],
        b"\x3f" + DER[1:],
    ],
    ids=["trailing byte", "indefinite length", "long length", "high tag"],
)
def test_what_der_forbids_is_refused(data: bytes) -> None:
    with pytest.raises(X509Error):
        parse_der(data, "x")


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(DER) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damaged_bytes_are_a_certificate_or_a_typed_error(changes: "list[tuple[int, int]]") -> None:
    data = bytearray(DER)
    for place, byte in changes:
        data[place] = byte
    try:
        parse_der(bytes(data), "x").days_left(0.0)
    except X509Error as error:
        assert error.source == "x"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_are_a_typed_error(data: bytes) -> None:
    with pytest.raises(X509Error):
        parse_der(data, "x")


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=100))
def test_random_text_between_the_marks_and_in_a_kubeconfig_is_a_typed_error(text: str) -> None:
    for parse, wrapped in (
        (parse_pem, "-----BEGIN CERTIFICATE-----%s-----END CERTIFICATE-----" % text),
        (parse_kubeconfig, "client-certificate-data: %s\n" % text),
        (parse_pem, text),
    ):
        try:
            parse(wrapped, "x")
        except X509Error as error:
            assert error.problem
