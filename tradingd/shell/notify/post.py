"""One HTTP POST: what its answer means for a notice. No redirects, no retries, no proxies from the environment."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from tradingd.shell.notify.message import Undelivered

ANSWER_MAX = 4_096


async def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
    """Returns on 2xx. Raises Undelivered: final for what was refused (3xx, 4xx), not for 429, 408, 5xx, time-outs, lost links."""
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=timeout_s), cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if 200 <= answer.status < 300:
                return
            text = (await answer.content.read(ANSWER_MAX)).decode("utf-8", "replace")
    except TimeoutError:
        raise Undelivered(f"no answer within {timeout_s:g} s") from None
    except (aiohttp.ClientError, OSError) as no:
        # the text of an aiohttp error may hold the whole address, which may be a secret
        raise Undelivered(f"no connection: {type(no).__name__}") from None
    passing = answer.status >= 500 or answer.status in {408, 429} or _throttled(text)
    raise Undelivered(f"answered {answer.status} {' '.join(text.split())}", final=not passing)


def _throttled(text: str) -> bool:
    """AWS says "too often" as 400 with a code in its text."""
    return "<Code>Throttl" in text or "<Code>RequestLimitExceeded" in text
