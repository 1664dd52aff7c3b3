"""Signing one request to AWS: Signature Version 4, for a POST of a form. Source: AWS General Reference, "Signature Version 4"."""

from __future__ import annotations

import hashlib
import hmac

from tradingd.core.types import NS
from tradingd.core.views.reasons import utc

ALGORITHM = "AWS4-HMAC-SHA256"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


def signed(
    *, host: str, path: str, body: bytes, region: str, service: str, key_id: str, key: str, ts: int
) -> dict[str, str]:
    """The headers with which to POST that body. ts: the real time, ns; the other side refuses one that is off by minutes.
    path: "/" or an absolute path without characters that need escaping."""
    moment = utc(ts // NS * NS)  # 2008-10-06 14:35:00Z
    day = moment[:10].replace("-", "")
    amz_date = f"{day}T{moment[11:19].replace(':', '')}Z"
    headers = {"content-type": FORM, "host": host, "x-amz-date": amz_date}
    names = ";".join(headers)
    request = "\n".join(
        ["POST", path, "", *(f"{name}:{value}" for name, value in headers.items()), "", names, _sha256(body)]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, amz_date, scope, _sha256(request.encode())])
    signature = hmac.new(_key(key, day, region, service), to_sign.encode(), hashlib.sha256).hexdigest()
    credential = f"Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": f"{ALGORITHM} {credential}"}


def _key(key: str, day: str, region: str, service: str) -> bytes:
    """The day's key of one service in one region."""
    derived = f"AWS4{key}".encode()
    for part in (day, region, service, "aws4_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
