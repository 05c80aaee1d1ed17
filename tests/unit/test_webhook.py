"""A webhook's URL and token: what is wrong with them is said without them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._webhook import look_at, tell
from hypothesis import given
from hypothesis import strategies as st

URL, TOKEN = "closeout_notify_url", "closeout_notify_token"


@pytest.mark.parametrize("url", ["", " ", None, [], [""], {}])
def test_none_is_none(url: Any) -> None:
    assert look_at(url, None) == {"to": "", "problems": [], "notes": []}


@pytest.mark.parametrize(
    ("url", "to"),
    [
        ("https://hooks.example.org/services/T0/B0/s3cret", "https://hooks.example.org"),
        (" HTTPS://Hooks.Example.org:8443/x?key=s3cret#s3cret \n", "https://hooks.example.org:8443"),
        ("http://127.0.0.1:80", "http://127.0.0.1:80"),
        ("http://[::1]:8080/s3cret", "http://[::1]:8080"),
    ],
)
def test_where_it_is(url: str, to: str) -> None:
    assert look_at(url, "") == {"to": to, "problems": [], "notes": []}


@pytest.mark.parametrize(
    "url",
    [
        "s3cret",
        "hooks.example.org/s3cret",
        "ftp://hooks.example.org/s3cret",
        "file:///s3cret",
        "s3cret://hooks.example.org",
        "https:s3cret",
        "https:///s3cret",
        "https://:443/s3cret",
        "https://h:s3cret/",
        "https://h:99999/s3cret",
        "https://[::1/s3cret",
        "https://h/s3cret\r\nX-Other: 1",
        "https://h/s3cret s3cret",
        "https://h/s3crét",
    ],
)
def test_what_is_no_webhook_is_one_problem(url: str) -> None:
    found = look_at(url, "")
    assert [one["object"] for one in found["problems"]] == [URL] and found["to"] == ""
    assert all(found["problems"][0].values()) and "s3cret" not in json.dumps(found)
    with pytest.raises(CloseoutError) as raised:
        tell(url, "", {}, 1)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("url", ["https://user:s3cret@h/", "https://s3cret@h/", "https://@h/", "http://a:b@c@h/s3cret"])
def test_a_password_has_another_place(url: str) -> None:
    (problem,) = look_at(url, "")["problems"]
    assert "without a user or password" in problem["wanted"] and TOKEN in problem["do"]
    assert "s3cret" not in json.dumps(problem)


@pytest.mark.parametrize("token", ["s3cret\r\nX-Other: 1", "s3cret s3cret", "s3crét", "s3cret\x00", "s3cret" * 1000])
def test_a_token_is_one_word(token: str) -> None:
    found = look_at("https://h/", token)
    assert [one["object"] for one in found["problems"]] == [TOKEN]
    assert "s3cret" not in json.dumps(found)
    with pytest.raises(CloseoutError) as raised:
        tell("https://h/", token, {}, 1)
    assert "s3cret" not in str(raised.value)


def test_a_token_in_the_clear_is_noted() -> None:
    assert "not encrypted" in look_at("http://h/", "s3cret")["notes"][0]
    assert look_at("https://h/", "s3cret")["notes"] == look_at("http://h/", "")["notes"] == []


@given(url=st.text(max_size=40) | st.from_regex(r"https?:\S{0,30}"), token=st.text(max_size=20))
def test_anything_is_taken_or_told(url: str, token: str) -> None:
    found = look_at(url, token)
    assert {one["object"] for one in found["problems"]} <= {URL, TOKEN}
    assert not found["to"] or found["to"].isprintable()


def test_nobody_is_told_nothing() -> None:
    with pytest.raises(CloseoutError, match="Nobody was told"):
        tell("", "", {}, 1)
