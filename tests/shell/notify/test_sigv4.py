"""The signature: figures computed with botocore 1.44, of which nothing runs here."""

from __future__ import annotations

import pytest

from tradingd.core.types import NS
from tradingd.shell.notify.sigv4 import signed

FORM = b"Action=Publish&Version=2010-03-31&PhoneNumber=%2B15550100123&Message=a+b"


@pytest.mark.parametrize(
    ("host", "path", "body", "region", "ts", "date", "signature"),
    [
        (
            "sns.us-east-1.amazonaws.com", "/", FORM, "us-east-1", 1_440_938_160, "20150830T123600Z",
            "6a91a018667c5fb4e15c87b0747f1b472736b842373c9c1a49079a4fdbf61332",
        ),
        (
            "127.0.0.1:4566", "/x/y", b"", "eu-central-1", 1_782_864_000, "20260701T000000Z",
            "7bb90727441f5c8f0fe0cae70a6e16eed1d94182a84fd087c21c74229718e9d0",
        ),
    ],
)  # fmt: skip
def test_a_signature_is_the_one_that_aws_computes(
    host: str, path: str, body: bytes, region: str, ts: int, date: str, signature: str
) -> None:
    """E16: an independent implementation signs the same; fractions of a second do not matter."""
    found = signed(
        host=host, path=path, body=body, region=region, service="sns", key_id="AKIDEXAMPLE",
        key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ts=ts * NS + 999_999_999,
    )  # fmt: skip
    assert found["x-amz-date"] == date
    assert found["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{date[:8]}/{region}/sns/aws4_request, "
        f"SignedHeaders=content-type;host;x-amz-date, Signature={signature}"
    )
