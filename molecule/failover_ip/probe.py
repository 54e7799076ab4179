"""On the router: asks the public address ten times a second, each time by a new connection, for SECONDS; prints what came of it."""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import time


def answers(address: str, port: int) -> bool:
    # Who answers is told by the route alone; the certificate is others' to test.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address, port, timeout=0.5, context=context)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    address, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    end = time.time() + seconds
    while time.time() < end:
        begun = time.time()
        print(json.dumps([begun, answers(address, port)]), flush=True)
        time.sleep(max(0.0, 0.1 - (time.time() - begun)))


main()
