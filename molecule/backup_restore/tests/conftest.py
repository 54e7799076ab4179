"""A real S3 server on this machine, where the nodes reach it, and a wire to it that can be cut."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import pathlib
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Dict, Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUCKET, ACCESS, SECRET = "backups", "lab", "the lab's secret key"


class Wire:
    """Passes connections on to the server; ``allowance`` is how many bytes of each upload come through, None for all."""

    def __init__(self, address: str, target: int) -> None:
        self.allowance: "int | None" = None
        self.target = (address, target)
        self.listener = socket.create_server((address, 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _address = self.listener.accept()
                far = socket.create_connection(self.target)
                threading.Thread(target=self._pass, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._pass, args=(far, near, False), daemon=True).start()

    def _pass(self, origin: socket.socket, target: socket.socket, upload: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while True:
                data = origin.recv(65536)
                passed += len(data)
                if not data or (upload and self.allowance is not None and passed > self.allowance):
                    break
                target.sendall(data)
        for end in (origin, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Storage:
    """The server's bucket as a directory, and the settings that lead to it."""

    def __init__(self, folder: pathlib.Path, wire: Wire, address: str) -> None:
        self.wire = wire
        self.bucket = folder / BUCKET
        self.settings: Dict[str, Any] = {
            "endpoint": "http://%s:%d" % (address, wire.port),
            "bucket": BUCKET,
            "prefix": "kubernetes",
            "access_key": ACCESS,
            "secret_key": SECRET,
        }

    def names(self) -> "list[str]":
        """Archives that are whole there, oldest first."""
        return sorted(path.name[: -len(".json")] for path in self.bucket.rglob("*.json"))


@contextlib.contextmanager
def storage(subnet: str, folder: pathlib.Path) -> Iterator[Storage]:
    """The server runs while this lasts."""
    address = str(ipaddress.ip_network(subnet)[1])
    lab = [sys.executable, str(ROOT / "tests" / "lab" / "lab.py"), "s3-server"]
    program = subprocess.run(lab, check=True, capture_output=True, text=True).stdout.split()[-1]
    (folder / BUCKET).mkdir(parents=True)
    with socket.create_server((address, 0)) as one:
        port = one.getsockname()[1]
    environment = dict(os.environ, ROOT_ACCESS_KEY=ACCESS, ROOT_SECRET_KEY=SECRET)
    argv = [program, "--port", "%s:%d" % (address, port), "posix", str(folder)]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(argv, env=environment, stdout=log, stderr=log)
    wire = Wire(address, port)
    try:
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection((address, port), 1).close()
                break
            assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.2)
        yield Storage(folder, wire, address)
    finally:
        wire.listener.close()
        process.kill()
        process.wait()


@pytest.fixture(name="s3", scope="module")
def _s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    with storage("10.89.84.0/25", tmp_path_factory.mktemp("s3")) as there:
        yield there
