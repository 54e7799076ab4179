# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of S3-compatible storage: put, get, list and delete, by path-style addresses, which every server knows.

Each body is signed with its SHA-256, so a server takes an upload whole and unchanged, or not at all.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import time
import urllib.parse
import xml.etree.ElementTree
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.encryption import sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.signature import EMPTY, encoded, query_of, signed_headers
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import number_or

#: S3's limit of one PUT (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html).
LARGEST = 5 * 1024**3
#: A list of a thousand keys is 400 KB; what is larger is not S3's.
MAXIMUM_ANSWER = 16 * 1024 * 1024
CHUNK = 256 * 1024
TRIES = 3
#: S3's codes (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html) -> what a person does about them.
REMEDIES = {
    "InvalidAccessKeyId": "write the access key that the storage's owner gave out into {0.storage}.access_key",
    # versitygw's word for the same
    "XAdminUserNotFound": "write the access key that the storage's owner gave out into {0.storage}.access_key",
    "SignatureDoesNotMatch": "write the access key's own secret into {0.storage}.secret_key, and the right region",
    "AccessDenied": "let this access key put, get, list and delete objects of the bucket",
    "NoSuchBucket": "make the bucket, or correct {0.storage}.bucket",
    "RequestTimeTooSkewed": "set this host's clock: see `timedatectl`",
    "QuotaExceeded": "make room in the bucket, or keep fewer backups there ({0.keep})",
    "XMinioStorageFull": "make room on the storage",
    "AuthorizationHeaderMalformed": "write the bucket's region into {0.storage}.region",
    "PermanentRedirect": "write the endpoint of the bucket's own region into {0.storage}.endpoint",
}


class StorageError(BackupError):
    """``code`` is S3's own word where it said one; ``passing``: another try may help."""

    def __init__(self, subject: str, problem: str, remedy: str, code: str = "", passing: bool = False) -> None:
        super().__init__(subject, problem, remedy)
        self.code = code
        self.passing = passing


class Called(NamedTuple):
    """What the user calls the settings of a bucket, for what is to be corrected."""

    storage: str = "backup_storage"
    keep: str = "backup_storage_keep"


CALLED = Called()


class Bucket:
    """One bucket. Every method tries three times what may pass, and raises StorageError else."""

    def __init__(
        self,
        storage: Storage,
        timeout: float = 60,
        pause: Callable[[float], None] = time.sleep,
        called: Called = CALLED,
    ) -> None:
        self._storage = storage
        self._called = called
        self._timeout = timeout
        self._pause = pause
        self._parts = urllib.parse.urlsplit(storage.endpoint)
        self._context: Optional[ssl.SSLContext] = None
        if self._parts.scheme == "https":
            try:
                self._context = ssl.create_default_context(cafile=storage.ca_file or None)
            except (OSError, ssl.SSLError) as error:
                raise StorageError(
                    storage.ca_file, "it is no authority's certificate: %s" % error, "correct %s.ca_file" % called.storage
                )

    @property
    def name(self) -> str:
        return "s3://%s/%s" % (self._storage.bucket, self._storage.prefix.strip("/"))

    def key(self, *parts: str) -> str:
        """A key below the prefix."""
        return "/".join(part.strip("/") for part in (self._storage.prefix, *parts) if part.strip("/"))

    def put(self, path: str, key: str) -> None:
        """Upload a file and see that the storage has as many bytes of it as we have."""
        size = os.path.getsize(path)
        if size > LARGEST:
            raise StorageError(
                path,
                "it has %d GB, and S3 takes 5 GB at once" % (size // 10**9),
                "defragment etcd, or leave out large backup_paths",
            )
        digest = sha256_of(path)
        self._retry(lambda: self._put(path, key, size, digest))
        status, headers, _body = self._retry(lambda: self._call("HEAD", key))
        stored = headers.get("content-length", "")
        if stored != str(size):
            raise StorageError(
                self._where(key), "the storage has %s bytes of it, and %d were sent" % (stored or "no", size), "look at the storage"
            )

    def get(self, key: str, path: str) -> None:
        """Download to a file, which is there whole or not at all."""
        self._retry(lambda: self._get(key, path))

    def read(self, key: str) -> str:
        """The text of a small object."""
        return self._retry(lambda: self._call("GET", key))[2].decode("utf-8", "replace")

    def list(self, prefix: str) -> List[Tuple[str, int]]:
        """Keys and sizes below a key."""
        found: List[Tuple[str, int]] = []
        tokens: Set[str] = set()
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix}
            if token:
                query["continuation-token"] = token
            body = self._retry(lambda query=query: self._call("GET", "", query))[2]  # type: ignore[misc]
            page, token = self._page(body)
            found += page
            if not token:
                return found
            if token in tokens:
                raise StorageError(self._storage.endpoint, "its list comes back to its beginning", "look at the storage")
            tokens.add(token)

    def delete(self, key: str) -> None:
        """Delete an object; one that is gone already is no error."""
        self._retry(lambda: self._call("DELETE", key))

    def _page(self, body: bytes) -> Tuple[List[Tuple[str, int]], str]:
        root = _tree(body)
        if root is None:
            raise StorageError(
                self._storage.endpoint, "its answer is no list of S3's", "write the address of S3-compatible storage"
            )
        # Some servers leave S3's namespace away.
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        page = [(entry.findtext("Key") or "", number_or(entry.findtext("Size"), 0)) for entry in root.iter("Contents")]
        more = root.findtext("IsTruncated") == "true"
        return page, (root.findtext("NextContinuationToken") or "") if more else ""

    def _put(self, path: str, key: str, size: int, digest: str) -> None:
        with open(path, "rb") as stream:
            self._call("PUT", key, body=stream, size=size, digest=digest)

    def _get(self, key: str, path: str) -> None:
        part = path + ".part"
        try:
            with self._request("GET", key) as response, open(part, "wb") as stream:
                os.chmod(part, 0o600)
                expected = number_or(response.headers.get("content-length"), -1)
                got = 0
                for chunk in iter(lambda: response.read(CHUNK), b""):
                    stream.write(chunk)
                    got += len(chunk)
            if got != expected:
                raise StorageError(
                    self._where(key), "%d of %d bytes came" % (got, expected), "see that the network holds", passing=True
                )
            os.rename(part, path)
        except (http.client.HTTPException, ConnectionError, ssl.SSLError, socket.timeout) as error:
            raise self._unreachable(error)
        except OSError as error:
            raise StorageError(path, "it can't be written: %s" % (error.strerror or error), "make room on that file system")
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(part)

    def _call(
        self, method: str, key: str, query: Optional[Mapping[str, str]] = None, body: Any = None, size: int = 0, digest: str = EMPTY
    ) -> Tuple[int, Mapping[str, str], bytes]:
        try:
            with self._request(method, key, query, body, size, digest) as response:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return response.status, headers, response.read(MAXIMUM_ANSWER)
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            raise self._unreachable(error)

    @contextlib.contextmanager
    def _request(
        self, method: str, key: str, query: Optional[Mapping[str, str]] = None, body: Any = None, size: int = 0, digest: str = EMPTY
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is no error."""
        path = encoded("/%s/%s" % (self._storage.bucket, key) if key else "/%s" % self._storage.bucket, slash=True)
        asked = query_of(query or {})
        host = self._parts.netloc.rpartition("@")[2]
        more = {"content-length": str(size)} if body is not None else {}
        storage = self._storage
        headers = signed_headers(
            method, host, path, asked, digest, storage.access_key, storage.secret_key, storage.region, time.time(), more
        )
        kind: Any = http.client.HTTPConnection
        options: Dict[str, Any] = {"timeout": self._timeout}
        if self._context is not None:
            kind, options["context"] = http.client.HTTPSConnection, self._context
        connection = kind(self._parts.hostname, self._parts.port, **options)
        try:
            try:
                connection.request(method, path + ("?" + asked if asked else ""), body, headers)
            except (BrokenPipeError, ConnectionResetError):
                # A server that refuses a body before it has read it has said why.
                if body is None:
                    raise
            response = connection.getresponse()
            if response.status >= 300:
                raise self._refused(key, response.status, response.read(65536))
            yield response
        finally:
            connection.close()

    def _retry(self, call: Callable[[], Any]) -> Any:
        for attempt in range(1, TRIES + 1):
            try:
                return call()
            except StorageError as error:
                if not error.passing or attempt == TRIES:
                    raise
                self._pause(2.0**attempt)
        return None

    def _where(self, key: str) -> str:
        return "s3://%s/%s" % (self._storage.bucket, key)

    def _refused(self, key: str, status: int, body: bytes) -> StorageError:
        code, said = "", ""
        root = _tree(body)
        for element in [] if root is None else root.iter():
            tag = element.tag.rpartition("}")[2]
            code = (element.text or "").strip() if tag == "Code" else code
            said = (element.text or "").strip() if tag == "Message" else said
        code = code or {403: "AccessDenied", 404: "NoSuchKey"}.get(status, "")
        remedy = REMEDIES.get(code, "check what {0.storage} says; look at the storage's own log for this moment")
        return StorageError(
            self._where(key),
            "the storage refuses: %s" % " ".join(filter(None, ["HTTP %d" % status, code, said])),
            remedy.format(self._called),
            code,
            passing=status >= 500 or status in (408, 429),
        )

    def _unreachable(self, error: Exception) -> StorageError:
        if isinstance(error, StorageError):
            return error
        cause = str(error) or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            remedy = "write the storage's authority into %s.ca_file, or correct the endpoint's name" % self._called.storage
            return StorageError(self._storage.endpoint, cause, remedy)
        return StorageError(
            self._storage.endpoint,
            "the connection failed: %s" % cause,
            "see that this host reaches it, and that it runs; the backup stays on this host and the next run uploads it",
            passing=True,
        )


def _tree(body: bytes) -> Optional[xml.etree.ElementTree.Element]:
    """The answer as XML; None where it is none, or in an encoding that the parser does not have."""
    try:
        return xml.etree.ElementTree.fromstring(body)
    except (xml.etree.ElementTree.ParseError, ValueError, LookupError):
        return None
