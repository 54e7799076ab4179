# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS Signature Version 4, by which S3 knows who asks (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html)."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.parse
from typing import Dict, Mapping, Optional

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY = hashlib.sha256(b"").hexdigest()


def encoded(text: str, slash: bool = False) -> str:
    """A path or a part of a query as S3 wants it: everything but unreserved characters as %XX, in capitals."""
    return urllib.parse.quote(text, safe="-_.~/" if slash else "-_.~")


def query_of(parameters: Mapping[str, str]) -> str:
    """The canonical query, which is also the one that is sent."""
    return "&".join("%s=%s" % (encoded(name), encoded(value)) for name, value in sorted(parameters.items()))


def signed_headers(
    method: str,
    host: str,
    path: str,
    query: str,
    payload_sha256: str,
    access_key: str,
    secret_key: str,
    region: str,
    now: float,
    more: Optional[Mapping[str, str]] = None,
) -> Dict[str, str]:
    """All headers of a request; ``path`` and ``query`` as they are sent, ``more`` are signed, too."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    headers = {"host": host, "x-amz-content-sha256": payload_sha256, "x-amz-date": moment}
    headers.update({name.lower(): value.strip() for name, value in (more or {}).items()})
    names = ";".join(sorted(headers))
    lines = "".join("%s:%s\n" % (name, headers[name]) for name in sorted(headers))
    request = "\n".join([method, path, query, lines, names, payload_sha256])
    scope = "/".join([moment[:8], region, "s3", "aws4_request"])
    to_sign = "\n".join([ALGORITHM, moment, scope, hashlib.sha256(request.encode("utf-8")).hexdigest()])
    key = ("AWS4" + secret_key).encode("utf-8")
    for part in scope.split("/"):
        key = hmac.new(key, part.encode("utf-8"), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode("utf-8"), hashlib.sha256).hexdigest()
    headers["authorization"] = "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        ALGORITHM,
        access_key,
        scope,
        names,
        signature,
    )
    return headers
