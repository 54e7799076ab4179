# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of S3: signatures against AWS's own examples, a real server where the lab has built one, and one that misbehaves."""

from __future__ import annotations

import calendar
import hashlib
import http.server
import os
import pathlib
import socket
import threading
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import Storage
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.signature import EMPTY, query_of, signed_headers
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket, StorageError

# AWS's examples (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
HOST = "examplebucket.s3.amazonaws.com"
KEYS = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
MOMENT = calendar.timegm((2013, 5, 24, 0, 0, 0))


def signature(headers: Dict[str, str]) -> str:
    return headers["authorization"].rpartition("Signature=")[2]


def test_a_get_is_signed_as_in_awss_example() -> None:
    headers = signed_headers("GET", HOST, "/test.txt", "", EMPTY, *KEYS, MOMENT, {"Range": "bytes=0-9"})
    assert signature(headers) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"


def test_a_list_is_signed_as_in_awss_example() -> None:
    headers = signed_headers("GET", HOST, "/", query_of({"prefix": "J", "max-keys": "2"}), EMPTY, *KEYS, MOMENT)
    assert signature(headers) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"


# --- a real server ---


@pytest.fixture(name="file")
def _file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "archive"
    path.write_bytes(os.urandom(3 * 1024 * 1024 + 7))
    return path


def test_files_go_there_and_come_back_whole_and_are_listed_and_deleted(
    server: Any, file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    bucket = Bucket(server.storage._replace(prefix="/a folder/ä+b/"))
    keys = [bucket.key("lab", name) for name in ("one", "two & three", "one.json")]
    for key in keys:
        bucket.put(str(file), key)
    assert sorted(bucket.list(bucket.key("lab") + "/")) == sorted((key, file.stat().st_size) for key in keys)
    bucket.get(keys[1], str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == file.read_bytes()
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o600
    for key in keys:
        bucket.delete(key)
    bucket.delete(keys[0])
    assert bucket.list(bucket.key("lab") + "/") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"access_key": "nobody"}, "write the access key that the storage's owner gave out"),
        ({"secret_key": "wrong"}, "write the access key's own secret"),
        ({"bucket": "missing"}, "make the bucket, or correct backup_storage.bucket"),
    ],
)
def test_what_is_wrong_with_credentials_and_bucket_is_said(
    server: Any, file: pathlib.Path, change: Dict[str, str], said: str
) -> None:
    with pytest.raises(StorageError, match=said):
        Bucket(server.storage._replace(**change)).put(str(file), "x")
    assert not (server.folder / "backups" / "x").exists()


# --- one that misbehaves ---

Answer = Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


class Misbehaving:
    """Answers each request by the next of its answers; ``asked`` are those that came."""

    def __init__(self, answers: List[Answer]) -> None:
        self.asked: List[str] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one(self) -> None:
                outer.asked.append(self.command)
                body = self.rfile.read(int(self.headers.get("content-length") or 0)) if self.command == "PUT" else b""
                answers.pop(0)(self, body)

            do_GET = do_PUT = do_HEAD = do_DELETE = handle_one

            def log_message(self, *words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def bucket(self) -> Bucket:
        storage = Storage("http://127.0.0.1:%d" % self.server.server_address[1], "b", "a", "s")
        return Bucket(storage, timeout=5, pause=lambda seconds: None)


def answer(status: int, body: bytes = b"", length: int = -1) -> Answer:
    def give(handler: http.server.BaseHTTPRequestHandler, _body: bytes) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body) if length < 0 else length))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)
        handler.close_connection = True

    return give


def hang_up(handler: http.server.BaseHTTPRequestHandler, _body: bytes) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def test_what_passes_is_tried_again_and_what_does_not_is_not(file: pathlib.Path) -> None:
    size = file.stat().st_size
    server = Misbehaving([answer(503), hang_up, answer(200), answer(200, length=size)])
    server.bucket.put(str(file), "k")
    assert server.asked == ["PUT", "PUT", "PUT", "HEAD"]
    server = Misbehaving([answer(403, b"<Error><Code>AccessDenied</Code><Message>No.</Message></Error>")])
    with pytest.raises(StorageError, match="HTTP 403 AccessDenied No."):
        server.bucket.put(str(file), "k")


def test_a_connection_that_is_always_cut_ends_in_an_error_that_says_the_backup_is_safe(file: pathlib.Path) -> None:
    with pytest.raises(StorageError, match="the backup stays on this host and the next run uploads it"):
        Misbehaving([hang_up] * 3).bucket.put(str(file), "k")


def test_a_server_that_keeps_less_than_was_sent_is_not_believed(file: pathlib.Path) -> None:
    with pytest.raises(StorageError, match="the storage has 7 bytes of it"):
        Misbehaving([answer(200), answer(200, length=7)]).bucket.put(str(file), "k")


def test_a_cut_download_leaves_no_file(tmp_path: pathlib.Path) -> None:
    server = Misbehaving([answer(200, b"half", length=8)] * 3)
    with pytest.raises(StorageError):
        server.bucket.get("k", str(tmp_path / "back"))
    assert list(tmp_path.iterdir()) == [] and server.asked == ["GET"] * 3


def test_a_list_of_several_pages_is_read_to_its_end() -> None:
    page = b"<ListBucketResult><IsTruncated>%s</IsTruncated>%s<Contents><Key>%s</Key><Size>1</Size></Contents></ListBucketResult>"
    more = page % (b"true", b"<NextContinuationToken>t</NextContinuationToken>", b"one")
    server = Misbehaving([answer(200, more), answer(200, page % (b"false", b"", b"two"))])
    assert server.bucket.list("") == [("one", 1), ("two", 1)]
    with pytest.raises(StorageError, match="its answer is no list"):
        Misbehaving([answer(200, b"<html>")]).bucket.list("")


def test_the_body_is_signed_with_its_checksum(file: pathlib.Path) -> None:
    seen: Dict[str, Any] = {}

    def take(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        seen.update(sum=handler.headers["x-amz-content-sha256"], body=hashlib.sha256(body).hexdigest())
        answer(200)(handler, body)

    Misbehaving([take, answer(200, length=file.stat().st_size)]).bucket.put(str(file), "k")
    assert seen["sum"] == seen["body"]
