from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.redact import redact

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\nabc\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text, secret",
    [
        ("before\n%s\nafter" % KEY, "MIIEpAIBAAKCAQEA"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEcutoff", "MIIEcutoff"),
        ("kubeadm join --token abcdef.0123456789abcdef", "abcdef.0123456789abcdef"),
        ("certificate-key: " + "0123456789abcdef" * 4, "0123456789abcdef" * 4),
        ("Authorization: Bearer eyJhbGciOi.eyJpc3M.c2lnbg", "eyJpc3M"),
        ("  auth_pass s3cretpw", "s3cretpw"),
        ("    client-key-data: LS0tLS1CRUdJTg==", "LS0tLS1CRUdJTg"),
        ('{"password": "hunter22"}', "hunter22"),
        ("AWS_SECRET_ACCESS_KEY=abcd/efgh+ijkl", "abcd/efgh"),
        ("token: 0a1b2c3d4e5f", "0a1b2c3d4e5f"),
        ("proxy=http://user:pass1234@proxy:3128", "pass1234"),
    ],
)
def test_a_secret_does_not_leave_the_host(text: str, secret: str) -> None:
    assert secret not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "sha256:" + "ab" * 32,
        "    - --service-account-signing-key-file=/etc/kubernetes/pki/sa.key",
        "Nov 21 10:00:00 cp1 kubelet[1]: E1121 node cp1 not found",
        "10.0.0.11:6443 is not ready",
        "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_a_containers_id_can_still_be_told() -> None:
    assert redact("container 0123456789ab" + "c" * 52) == "container 0123456789ab..."
