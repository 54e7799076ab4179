# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what the collection asks of X.509 certificates, with nothing but the standard library.

A strict reader of the DER that RFC 5280 certificates are made of. It verifies no signature: trust is OpenSSL's business. It
answers who a certificate is for, until when it holds, and what the hash is that kubeadm pins a cluster's CA by.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import ipaddress
import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

PEM_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
PEM_REQUEST = re.compile(r"-----BEGIN CERTIFICATE REQUEST-----(.*?)-----END CERTIFICATE REQUEST-----", re.DOTALL)
KUBECONFIG_CERTIFICATE = re.compile(r"""["']?client-certificate-data["']?\s*:\s*["']?([^\s"',}]+)""")

BOOLEAN, INTEGER, OCTET_STRING, OBJECT_IDENTIFIER = 0x01, 0x02, 0x04, 0x06
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31
VERSION, ISSUER_UNIQUE_ID, SUBJECT_UNIQUE_ID, EXTENSIONS = 0xA0, 0x81, 0x82, 0xA3
#: The string types of a name (RFC 5280, DirectoryString, and IA5String), with their encodings.
STRINGS = {0x0C: "utf-8", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
#: GeneralName's choices that a server is reached by.
DNS_NAME, IP_ADDRESS = 0x82, 0x87

#: RFC 4514, section 3, and the email address of PKCS #9.
ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.5": "serialNumber",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.25": "DC",
    "0.9.2342.19200300.100.1.1": "UID",
    "1.2.840.113549.1.9.1": "emailAddress",
}
SUBJECT_ALTERNATIVE_NAME = "2.5.29.17"
EXTENSION_REQUEST = "1.2.840.113549.1.9.14"
BASIC_CONSTRAINTS = "2.5.29.19"
SUBJECT_KEY_IDENTIFIER, AUTHORITY_KEY_IDENTIFIER = "2.5.29.14", "2.5.29.35"
KEY_IDENTIFIER = 0x80


class X509Error(Exception):
    """``source`` (a path, or what the caller calls it) holds no readable certificate because of ``problem``."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(
            "%s: %s. What to do: restore the file from a backup or issue the certificate again (kubeadm certs renew)."
            % (source, problem)
        )
        self.source = source
        self.problem = problem


class Certificate(NamedTuple):
    """One certificate. Names are attributes in the order of the certificate (``O=system:masters,CN=kubernetes-admin``)."""

    subject: str
    issuer: str
    common_name: Optional[str]
    organizations: List[str]
    not_before: datetime.datetime
    not_after: datetime.datetime
    dns_names: List[str]
    ip_addresses: List[str]
    is_ca: bool
    #: Hex of the SHA-256 of the public key's SubjectPublicKeyInfo.
    spki_sha256: str
    #: Hex of the identifiers by which a certificate names its own key and its signer's; empty where it does not.
    subject_key_id: str = ""
    authority_key_id: str = ""

    @property
    def sans(self) -> List[str]:
        return self.dns_names + self.ip_addresses

    @property
    def discovery_hash(self) -> str:
        """What kubeadm join takes as --discovery-token-ca-cert-hash, where this is the cluster's CA."""
        return "sha256:" + self.spki_sha256

    def days_left(self, now: float) -> int:
        """Whole days until the end, negative after it."""
        left = self.not_after - datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
        return left.days


class _Malformed(Exception):
    """Bytes that are no DER, or DER that is no certificate; the public functions say where they came from."""


def iso(moment: datetime.datetime) -> str:
    """A moment in UTC as ``2026-11-21T10:00:00Z``."""
    return moment.astimezone(datetime.timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")


def pem_blocks(text: str) -> List[str]:
    """Every certificate of a PEM text, as PEM of its own; keys and anything else are left out."""
    return ["-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n" % body.strip() for body in PEM_BLOCK.findall(text)]


def parse_pem(text: str, source: str) -> List[Certificate]:
    """The certificates of a PEM text in their order; keys between them are passed over.

    :raises X509Error: there is none, or one is malformed.
    """
    bodies = PEM_BLOCK.findall(text)
    if not bodies:
        raise X509Error(source, "it holds no PEM certificate")
    return [parse_der(_base64("".join(body.split()), source), source) for body in bodies]


class Request(NamedTuple):
    """What somebody asks to have certified."""

    common_name: Optional[str]
    organizations: List[str]
    dns_names: List[str]
    ip_addresses: List[str]


def parse_request(text: str, source: str) -> Request:
    """A PEM certificate signing request (RFC 2986).

    :raises X509Error: it is none.
    """
    match = PEM_REQUEST.search(text)
    if match is None:
        raise X509Error(source, "it holds no certificate signing request")
    try:
        return _request(_base64("".join(match.group(1).split()), source))
    except _Malformed as error:
        raise X509Error(source, "malformed: %s" % error)


def parse_kubeconfig(text: str, source: str) -> List[Certificate]:
    """The client certificates that a kubeconfig, in YAML or JSON, carries in itself; empty where it only names files.

    :raises X509Error: one of them is malformed.
    """
    found = []
    for value in KUBECONFIG_CERTIFICATE.findall(text):
        found.extend(parse_pem(_base64(value, source).decode("utf-8", "replace"), source))
    return found


def parse_der(data: bytes, source: str) -> Certificate:
    """The certificate that these bytes are.

    :raises X509Error: they are none.
    """
    try:
        return _certificate(data)
    except _Malformed as error:
        raise X509Error(source, "malformed certificate: %s" % error)


def _base64(text: str, source: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise X509Error(source, "the certificate is not base64: %s" % error)


# --- DER (ITU-T X.690, section 10): definite lengths in their shortest form, nothing after the end -------------------------


def _element(data: bytes, offset: int) -> Tuple[int, bytes, int]:
    """(tag, content, offset of the next element)"""
    if offset + 2 > len(data):
        raise _Malformed("it ends too early")
    tag, length = data[offset], data[offset + 1]
    if tag & 0x1F == 0x1F:
        raise _Malformed("unexpected tag 0x%02x" % tag)
    start = offset + 2
    if length >= 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or start + count > len(data):
            raise _Malformed("bad length")
        length = int.from_bytes(data[start : start + count], "big")
        if length < 0x80 or length >> (8 * (count - 1)) == 0:
            raise _Malformed("bad length")
        start += count
    end = start + length
    if end > len(data):
        raise _Malformed("it ends too early")
    return tag, data[start:end], end


class _Sequence:
    """The elements of a constructed value, taken one after another."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.offset = 0

    @property
    def next_tag(self) -> Optional[int]:
        return self.content[self.offset] if self.offset < len(self.content) else None

    def take(self, expected: int) -> bytes:
        tag, content, self.offset = _element(self.content, self.offset)
        if tag != expected:
            raise _Malformed("tag 0x%02x where 0x%02x belongs" % (tag, expected))
        return content

    def take_if(self, expected: int) -> Optional[bytes]:
        return self.take(expected) if self.next_tag == expected else None

    def take_raw(self, expected: int) -> bytes:
        start = self.offset
        self.take(expected)
        return self.content[start : self.offset]

    def each(self, expected: int) -> Iterator[bytes]:
        while self.next_tag is not None:
            yield self.take(expected)

    def end(self) -> None:
        if self.next_tag is not None:
            raise _Malformed("something follows its end")


def _only(data: bytes, tag: int) -> bytes:
    outer = _Sequence(data)
    content = outer.take(tag)
    outer.end()
    return content


# --- RFC 5280, section 4.1 ------------------------------------------------------------------------------------------------


def _certificate(data: bytes) -> Certificate:
    outer = _Sequence(_only(data, SEQUENCE))
    body = _Sequence(outer.take(SEQUENCE))
    outer.take(SEQUENCE)
    outer.take(0x03)
    outer.end()
    body.take_if(VERSION)
    body.take(INTEGER)
    body.take(SEQUENCE)
    issuer = _name(body.take(SEQUENCE))
    validity = _Sequence(body.take(SEQUENCE))
    not_before, not_after = _time(validity), _time(validity)
    validity.end()
    subject = _name(body.take(SEQUENCE))
    key = body.take_raw(SEQUENCE)
    body.take_if(ISSUER_UNIQUE_ID)
    body.take_if(SUBJECT_UNIQUE_ID)
    extensions = body.take_if(EXTENSIONS)
    body.end()
    dns_names: List[str] = []
    ip_addresses: List[str] = []
    is_ca = False
    own_key = signer = b""
    for identifier, value in _extensions(extensions):
        if identifier == SUBJECT_ALTERNATIVE_NAME:
            dns_names, ip_addresses = _alternative_names(value)
        elif identifier == BASIC_CONSTRAINTS:
            is_ca = _is_ca(value)
        elif identifier == SUBJECT_KEY_IDENTIFIER:
            own_key = _only(value, OCTET_STRING)
        elif identifier == AUTHORITY_KEY_IDENTIFIER:
            signer = _Sequence(_only(value, SEQUENCE)).take_if(KEY_IDENTIFIER) or b""
    common_names = [value for kind, value in subject if kind == "CN"]
    return Certificate(
        subject=_text(subject),
        issuer=_text(issuer),
        common_name=common_names[-1] if common_names else None,
        organizations=[value for kind, value in subject if kind == "O"],
        not_before=not_before,
        not_after=not_after,
        dns_names=dns_names,
        ip_addresses=ip_addresses,
        is_ca=is_ca,
        spki_sha256=hashlib.sha256(key).hexdigest(),
        subject_key_id=own_key.hex(),
        authority_key_id=signer.hex(),
    )


def _request(data: bytes) -> Request:
    body = _Sequence(_Sequence(_only(data, SEQUENCE)).take(SEQUENCE))
    body.take(INTEGER)
    subject = _name(body.take(SEQUENCE))
    body.take(SEQUENCE)
    attributes = body.take_if(VERSION)
    dns_names: List[str] = []
    ip_addresses: List[str] = []
    for attribute in _Sequence(attributes or b"").each(SEQUENCE):
        fields = _Sequence(attribute)
        if _object_identifier(fields.take(OBJECT_IDENTIFIER)) == EXTENSION_REQUEST:
            for identifier, value in _extensions(fields.take(SET)):
                if identifier == SUBJECT_ALTERNATIVE_NAME:
                    dns_names, ip_addresses = _alternative_names(value)
    common_names = [value for kind, value in subject if kind == "CN"]
    organizations = [value for kind, value in subject if kind == "O"]
    return Request(common_names[-1] if common_names else None, organizations, dns_names, ip_addresses)


def _name(content: bytes) -> List[Tuple[str, str]]:
    attributes = []
    for relative in _Sequence(content).each(SET):
        for pair in _Sequence(relative).each(SEQUENCE):
            fields = _Sequence(pair)
            identifier = _object_identifier(fields.take(OBJECT_IDENTIFIER))
            tag, value, fields.offset = _element(fields.content, fields.offset)
            fields.end()
            attributes.append((ATTRIBUTES.get(identifier, identifier), _string(tag, value)))
    return attributes


def _text(name: List[Tuple[str, str]]) -> str:
    return ",".join("%s=%s" % pair for pair in name)


def _string(tag: int, value: bytes) -> str:
    if tag not in STRINGS:
        return value.hex()
    try:
        return value.decode(STRINGS[tag])
    except UnicodeDecodeError:
        raise _Malformed("a name's text is not %s" % STRINGS[tag])


def _object_identifier(content: bytes) -> str:
    if not content or content[-1] & 0x80:
        raise _Malformed("bad object identifier")
    numbers, number = [], 0
    for byte in content:
        if number == 0 and byte == 0x80:
            raise _Malformed("bad object identifier")
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in [first, numbers[0] - 40 * first] + numbers[1:])


def _time(fields: _Sequence) -> datetime.datetime:
    """RFC 5280, section 4.1.2.5: in UTC, with seconds, without fractions; two-digit years end in 2049."""
    short = fields.next_tag == UTC_TIME
    content = fields.take(UTC_TIME if short else GENERALIZED_TIME)
    match = re.match(rb"\A(\d{%d})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z\Z" % (2 if short else 4), content)
    if not match:
        raise _Malformed("bad time")
    year, month, day, hour, minute, second = (int(number) for number in match.groups())
    if short:
        year += 1900 if year >= 50 else 2000
    try:
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.timezone.utc)
    except ValueError as error:
        raise _Malformed("bad time: %s" % error)


def _extensions(content: Optional[bytes]) -> Iterator[Tuple[str, bytes]]:
    if content is None:
        return
    for extension in _Sequence(_only(content, SEQUENCE)).each(SEQUENCE):
        fields = _Sequence(extension)
        identifier = _object_identifier(fields.take(OBJECT_IDENTIFIER))
        fields.take_if(BOOLEAN)
        value = fields.take(OCTET_STRING)
        fields.end()
        yield identifier, value


def _alternative_names(value: bytes) -> Tuple[List[str], List[str]]:
    names = _Sequence(_only(value, SEQUENCE))
    dns_names, ip_addresses = [], []
    while names.next_tag is not None:
        tag, content, names.offset = _element(names.content, names.offset)
        if tag == DNS_NAME:
            dns_names.append(_string(0x16, content))
        elif tag == IP_ADDRESS:
            if len(content) not in (4, 16):
                raise _Malformed("an IP address of %d bytes" % len(content))
            ip_addresses.append(str(ipaddress.ip_address(content)))
    return dns_names, ip_addresses


def _is_ca(value: bytes) -> bool:
    flag = _Sequence(_only(value, SEQUENCE)).take_if(BOOLEAN)
    if flag not in (None, b"\x00", b"\xff"):
        raise _Malformed("bad boolean")
    return flag == b"\xff"
