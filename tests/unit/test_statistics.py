"""Several results told as one: the whole passes only when each did, and silence is a failure."""

from __future__ import annotations

from ansible_collections.incomex.closeout.plugins.module_utils._statistics import Told, key_for, statistics

PASSED = {"closeout_result": "ALL_PASS", "closeout_artifact": "/a", "closeout_sha256": "ab"}
FAILED = {"closeout_result": "FAIL", "closeout_artifact": "/b", "closeout_sha256": ""}


def test_one_result_is_told_as_it_is() -> None:
    assert statistics({"h": {"h/d": PASSED}}, ["h"]) == PASSED
    assert statistics({"h": {"h/d": FAILED}}, ["h"]) == FAILED


def test_several_pass_only_together() -> None:
    told: dict[str, Told] = {"h": {"h/d": PASSED, "h/e": PASSED}}
    whole = statistics(told, ["h"])
    assert (whole["closeout_result"], whole["closeout_results"]) == ("ALL_PASS", told["h"])
    assert (whole["closeout_artifact"], whole["closeout_sha256"]) == ("", "")
    for order in ({"h/d": FAILED, "h/e": PASSED}, {"h/d": PASSED, "h/e": FAILED}):
        assert statistics({"h": order}, ["h"])["closeout_result"] == "FAIL"
    assert statistics({"h": {"h/d": PASSED}, "i": {"i/d": FAILED}}, ["h", "i"])["closeout_result"] == "FAIL"


def test_silence_is_a_failure() -> None:
    whole = statistics({"h": {"h/d": PASSED}, "i": {}}, ["h", "i"])
    assert whole["closeout_result"] == "FAIL"
    assert whole["closeout_results"]["i/?"]["closeout_result"] == "FAIL"
    assert statistics({}, [])["closeout_result"] == "FAIL"
    assert statistics({}, ["h"])["closeout_result"] == "FAIL"
    assert statistics({"h": {"h/d": {}}, "i": {"i/d": PASSED}}, ["h", "i"])["closeout_result"] == "FAIL"


def test_a_repeated_run_does_not_hide_the_one_before() -> None:
    told: Told = {}
    for expected in ("h/d", "h/d#2", "h/d#3"):
        key = key_for(told, "h", "d")
        assert key == expected
        told[key] = PASSED
    assert key_for(told, "h", "other") == "h/other"


def test_two_hosts_whose_names_run_into_each_other() -> None:
    """Host "a" with database "b/c", host "a/b" with database "c": neither hides the other."""
    for first, second in ((FAILED, PASSED), (PASSED, FAILED)):
        whole = statistics({"a": {"a/b/c": first}, "a/b": {"a/b/c": second}}, ["a", "a/b"])
        assert whole["closeout_result"] == "FAIL" and len(whole["closeout_results"]) == 2
