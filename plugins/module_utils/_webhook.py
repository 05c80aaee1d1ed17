# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a webhook that is told of a run: whether it can be, and one POST, bounded in time.

Ansible's own module uri would do nearly the same. But it bounds each single wait, not the whole: a name server that is
dead, or an answer that drips, holds it for minutes; and it shows its headers, so that a token in them hides the whole
task. Neither URL nor token is in any message here, for the path of a webhook's URL is often its secret.
"""

from __future__ import annotations

import http.client
import json
import queue
import re
import threading
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import SplitResult, urlsplit

from ._errors import CloseoutError
from ._settings import Problem

_URL, _TOKEN = "closeout_notify_url", "closeout_notify_token"  # noqa: S105 - the names of variables
# RFC 6750 allows less; some issue more. No blank and no line end: it must not become another header.
_TOKEN_TEXT = re.compile(r"[!-~]{1,4096}")
_URL_TEXT = re.compile(r"[!-~]{1,4096}")


def look_at(url: Any, token: Any) -> dict[str, Any]:
    """Return what a plan may know of a webhook: where it is (``to``, without path, "" for none), ``problems`` and
    ``notes``. Neither URL nor token is in it.
    """
    url, token = _text(url), _text(token)
    problems, notes = [], []
    parts, wrong = _split(url)
    if wrong:
        problems.append(Problem("settings", _URL, *wrong))
    if token and not _TOKEN_TEXT.fullmatch(token):
        wanted = "a token of one line without blanks"
        problems.append(Problem("settings", _TOKEN, wanted, "one with other characters", f"correct {_TOKEN}"))
    if parts and parts.scheme == "http" and token:
        notes.append(f"{_TOKEN} goes over http, which is not encrypted. Prefer https.")
    return {
        "to": _origin(parts) if parts else "",
        "problems": [problem.as_facts() for problem in problems],
        "notes": notes,
    }


def tell(url: str, token: str, payload: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    """Send ``payload`` as JSON by POST and return what the server answered; it has ``timeout_s`` seconds for all of it.

    No redirection is followed, for the token is for that server only. Raises CloseoutError.
    """
    url, token = _text(url), _text(token)
    found = look_at(url, token)
    if found["problems"] or not found["to"]:
        told = [f"{one['object']}: wanted {one['wanted']}, found {one['found']}" for one in found["problems"]]
        raise CloseoutError(
            "Nobody was told of this run", wanted="a webhook", found="; ".join(told) or "none", do=f"correct {_URL}"
        )
    headers = {"Content-Type": "application/json", "User-Agent": "incomex.closeout"}
    request = urllib.request.Request(url, json.dumps(payload).encode("ascii"), headers, method="POST")  # noqa: S310
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    answers: queue.SimpleQueue[int | str] = queue.SimpleQueue()
    # A thread can be left behind, whatever it waits for; the process ends without it.
    threading.Thread(target=_post, args=(request, timeout_s, answers), daemon=True).start()
    try:
        answer = answers.get(timeout=timeout_s)
    except queue.Empty:
        answer = "no answer"
    if not isinstance(answer, int):
        raise CloseoutError(
            f"The webhook at {found['to']} was not told of this run",
            wanted=f"an answer 2xx within {timeout_s:g} s",
            found=answer,
            do=f"see whether {_URL} and {_TOKEN} are right, and whether the controller reaches that server",
        )
    return {"to": found["to"], "status": answer}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Takes a redirection for the error that it is here."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nothing."""


def _post(request: urllib.request.Request, timeout_s: float, answers: queue.SimpleQueue[int | str]) -> None:
    """Put the status of a good answer into ``answers``, or what went wrong."""
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout_s) as response:
            answers.put(int(response.status))
    except urllib.error.HTTPError as error:
        answers.put(f"the answer {error.code}")
    except urllib.error.URLError as error:
        answers.put(str(error.reason))
    except OSError as error:
        answers.put(error.strerror or type(error).__name__)
    except (http.client.HTTPException, ValueError) as error:
        # Their words may have the URL or a header in them.
        answers.put(type(error).__name__)


def _split(url: str) -> tuple[SplitResult | None, tuple[str, str, str] | None]:
    """Return a URL in its parts, or what was wanted, found, and what to do; neither for none."""
    if not url:
        return None, None
    wanted, do = "a URL that begins with http:// or https://", f"correct {_URL}"
    if not _URL_TEXT.fullmatch(url):
        return None, (wanted, "one with blanks, or with characters that no URL has", do)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return None, (wanted, "one that cannot be read", do)
    if parts.scheme not in ("http", "https"):
        return None, (wanted, "one with another beginning", do)
    if "@" in parts.netloc:
        return None, ("a URL without a user or password in it", "one with", f"put the secret into {_TOKEN}")
    if not host:
        return None, (wanted, "one without a host", do)
    return parts, None


def _origin(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
    return f"{parts.scheme}://{host}" + ("" if parts.port is None else f":{parts.port}")


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (list, dict)) else str(value).strip()
