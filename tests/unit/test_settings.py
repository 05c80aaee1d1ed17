"""The settings: what a person or a survey gave becomes what it means, or a problem that names it; all at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.incomex.closeout.plugins.module_utils._settings import (
    CUTTER_GOVERNANCE_TABLES,
    SETTINGS,
    Problem,
    read_settings,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.places import ROOT

ROLE = ROOT / "roles" / "closeout"
NOT_GIVEN: list[Any] = [None, "", " ", "\n", [], [""], [None], ["", ""], {}]


def read(**given: Any) -> tuple[dict[str, Any], list[Problem]]:
    """Read settings in a run of a known moment."""
    found: tuple[dict[str, Any], list[Problem]] = read_settings(
        given, run_id="4f0c7a91b2d3", stamp="20260516T104634Z", date="2026-05-16"
    )
    return found


def test_nothing_given_is_the_original_run_s() -> None:
    found, problems = read()
    assert problems == []
    assert found["dump_name"] == "prod-directus-closeout-20260516T104634Z.sql"
    assert found["scratch_name"] == "pg-restoretest-closeout-2026-05-16-4f0c7a91b2d3"
    assert found["restore_db"] == "directus_restoretest"
    assert found["artefact"] == "/opt/incomex/backups/closeout_20260516T104634Z"
    assert found["dump_path"] == f"{found['artefact']}/{found['dump_name']}"
    assert found["expected_tables"] == list(CUTTER_GOVERNANCE_TABLES)
    assert (found["user"], found["db"], found["login_port"], found["fail"]) == (
        "workflow_admin",
        "directus",
        5432,
        True,
    )


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", NOT_GIVEN, ids=repr)
def test_what_a_survey_leaves_empty_is_not_given(name: str, value: Any) -> None:
    assert read(**{name: value}) == read()


RECIPIENT = "age1a0sarakyclll5shwwmevyrcd3tk536fnvqq9r7psrqsqcjmwv9lsq0t3hp"
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ+q3Zt7kQ9yQ0Rr8l1C3Ff5m2Zq0Yh8mX3k2Jt7wVbN"
SECRET = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
# What has no meaning by itself.
TOGETHER = {"age_identity_file": {"age_recipients": RECIPIENT}}
VALUES: dict[str, list[tuple[Any, Any]]] = {
    "container": [("postgres", "postgres"), (" pg \n", "pg")],
    "docker_host": [("tcp://h:2375", "tcp://h:2375")],
    "login_host": [("db.example", "db.example")],
    "login_port": [("6543", 6543), (6543, 6543), (" 1 ", 1), ("65535", 65535)],
    "login_unix_socket": [("/run/pg", "/run/pg")],
    "ssl_mode": [("verify-full", "verify-full"), ("disable", "disable")],
    "ca_cert": [("/etc/ca.pem", "/etc/ca.pem")],
    "user": [("me", "me"), (7, "7")],
    "passfile": [("/root/.pgpass", "/root/.pgpass")],
    "db": [("other", "other"), ("My DB", "My DB")],
    "bin_dir": [("/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/16/bin")],
    "transport": [(word, word) for word in ("auto", "host")],
    "root": [("/srv/b", "/srv/b"), ("/srv//b/", "/srv/b"), ("/srv/a/../b", "/srv/b")],
    "label": [("dieu44_v0_2_closeout", "dieu44_v0_2_closeout"), ("v0.2", "v0.2"), (2, "2"), ("x" * 63, "x" * 63)],
    "dump_name": [("prod-directus-postv0_2-<stamp>.sql", "prod-directus-postv0_2-20260516T104634Z.sql")],
    "scratch_name": [("pg-restoretest-v0.2-closeout-<date>", "pg-restoretest-v0.2-closeout-2026-05-16")],
    "schema": [("public", "public"), ("My Schema", "My Schema")],
    "schema_alias": [("xy", "xy")],
    "expected_tables": [
        ("a,b", ["a", "b"]),
        ("a\nb\r\nc", ["a", "b", "c"]),
        (" a , b ,\n", ["a", "b"]),
        ("a,a", ["a"]),
        (["a", "b", "a"], ["a", "b"]),
        (["a, b", "c\nd", " e"], ["a, b", "c\nd", " e"]),
        (["a", ""], ["a"]),
        ([1], ["1"]),
    ],
    "scratch_host": [("restore.example.org", "restore.example.org"), (" there\n", "there")],
    "scratch_driver": [("local", "local"), ("docker", "docker")],
    "scratch_image": [("postgres:16", "postgres:16")],
    "scratch_ttl_s": [("60", 60), (604800, 604800)],
    "scratch_storage": [("tmpfs", "tmpfs")],
    "scratch_memory_mb": [("256", 256)],
    "scratch_os_user": [("nobody", "nobody")],
    "restore_db": [("<db>_x", "directus_x"), ("r", "r")],
    "restore_tolerance": [("by_hand", "by_hand")],
    "production_quiet": [(text, True) for text in (True, "true", "True", "YES", "on", "1", 1, "y", "t")],
    "production_content": [("all", "all"), ("none", "none"), (" audited\n", "audited")],
    "compression": [(word, word) for word in ("none", "gzip", "zstd", "lz4")],
    "compression_level": [("0", 0)],
    "age_recipients": [
        (RECIPIENT, [RECIPIENT]),
        (f"{RECIPIENT}\n{SSH},", [RECIPIENT, SSH]),
        ([f" {SSH}  me,  at home\n", RECIPIENT, RECIPIENT], [f"{SSH} me, at home", RECIPIENT]),
    ],
    "age_identity_file": [("/root/age", "/root/age"), ("/root//age/", "/root/age")],
    "max_blocking_s": [("0", 0), (86400, 86400)],
    "format": [(word, word) for word in ("plain", "custom", "directory")],
    "dump_jobs": [("1", 1)],
    "restore_jobs": [("0", 0), (64, 64)],
    "bandwidth_limit_mb_s": [("0", 0), (50, 50), ("1000000", 1_000_000)],
    "progress_s": [("0", 0), (3600, 3600), (" 30 ", 30)],
    "compare_jobs": [("1", 1), (64, 64), (" 8 ", 8)],
    "show_differences": [(text, True) for text in (True, "true", "YES", "1", 1)],
    "shrink_limit_percent": [("0", 0), (100, 100), (" 35 ", 35)],
    "textfile_dir": [("/var/lib/node/", "/var/lib/node")],
    "notify_when": [("failure", "failure"), (" always\n", "always")],
    "notify_timeout_s": [("1", 1), (60, 60), (" 5 ", 5)],
    "keep_last": [("0", 0), (10, 10), (" 100000 ", 100_000)],
    "keep_days": [("0", 0), (36500, 36500), ("31", 31)],
    "keep_failed": [("0", 0), (0, 0), (" 5 ", 5)],
    "protected_containers": [("a,b", ["a", "b"]), (["a"], ["a"])],
    "attestations": [("no a\n\n no b ", ["no a", "no b"]), (["a", {"b": "c"}, ""], ["a", {"b": "c"}])],
    "document": [({"author": "me", "revision": 2}, {"author": "me", "revision": "2"})],
    "sign_key": [("/root/closeout_key", "/root/closeout_key"), ("/root//k/", "/root/k")],
    "fail": [(text, False) for text in (False, "false", "False", "NO", "off", "0", 0, "n", "f")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "meaning"), [(name, *pair) for name, pairs in VALUES.items() for pair in pairs]
)
def test_a_value_is_read(name: str, value: Any, meaning: Any) -> None:
    found, problems = read(**{**TOGETHER.get(name, {}), name: value})
    assert problems == []
    assert found[name] == meaning
    assert type(found[name]) is type(meaning)


def test_every_setting_has_a_value_that_is_tried() -> None:
    assert set(VALUES) == set(SETTINGS)


BAD: dict[str, list[Any]] = {
    "login_port": ["0", "65536", "-1", "x", "5432.0", 5432.5, True, "1" * 20, "5 432"],
    "ssl_mode": ["Prefer", "on", True],
    "transport": ["ssh", "Exec", True, ["auto"]],
    "user": [["a"], {"a": 1}],
    "db": [["a"]],
    "root": ["backups", "./b", "~/b"],
    "label": ["a/b", "a b", "../x", "a\tb", "-a", ".a", "_a", "x" * 64, "ä", "a\nb"],
    "dump_name": ["a/b", "/a", "..", "a b", "x\ny", "<unknown>.sql", "closeout.json", "closeout.md", "closeout.html",
                  "SHA256SUMS",
                  "RESTORE.md", "SHA256SUMS.sig", "globals.sql", "settings.sql",
                  "manifest.json", "globals.json", "census.json", "comparison.json", "logs",
                  "dump_cg_tables.txt", "restoretest_cg_tables.txt",
                  "x" * 300],
    "scratch_name": ["a/b", "a b", "-a", "<nothing>"],
    "schema_alias": ["a b", "a/b", "x" * 41, "c-g"],
    "expected_tables": [7, True, {"a": 1}, [["a"]], [{"a": "b"}]],
    "scratch_driver": ["podman", "Docker"],
    "scratch_ttl_s": ["59", "604801", "2h", True],
    "scratch_storage": ["disk"],
    "scratch_memory_mb": ["255", "1g"],
    "restore_db": ["x" * 64, "ä" * 32, "postgres", "template1"],
    "restore_tolerance": ["all", "byhand", True],
    "production_quiet": ["maybe", "2", 2, ["true"]],
    "production_content": ["everything", "All", True, "audited,all", ["all"]],
    "compression": ["zip", "ZSTD", True, ["gzip"]],
    "max_blocking_s": ["-1", "86401", True, "20s"],
    "format": ["tar", "Custom", True, ["plain"]],
    "dump_jobs": ["0", "65", "2", True],
    "restore_jobs": ["-1", "65", True, 1.5],
    "age_recipients": [7, "age1", "somebody", [RECIPIENT, "x"], {"a": 1}, "ecdsa-sha2-nistp256 " + "A" * 90, SECRET,
                       [RECIPIENT + str(number) for number in range(65)]],
    "age_identity_file": ["identity", "~/age", ["/a"]],
    "compression_level": ["-1", "20", True, 1.5, "fast"],
    "bandwidth_limit_mb_s": ["-1", -5, "1000001", True, 1.5, "10 MB"],
    "progress_s": ["-1", "3601", True, "often", 1.5],
    "compare_jobs": ["0", "65", 0, -1, True, "two", 1.5],
    "show_differences": ["rows", "2", 2, ["true"]],
    "shrink_limit_percent": ["-1", "101", -1, True, "20 %", 0.5],
    "textfile_dir": ["metrics", "./m", ["/a"]],
    "notify_when": ["never", "Always", True, ["failure"]],
    "notify_timeout_s": ["0", "61", -1, True, "10 s", 1.5],
    "keep_last": ["-1", "100001", True, "all", 1.5],
    "keep_days": ["-1", "36501", True, "31d", 0.5],
    "keep_failed": ["-1", -1, "100001", False, "none", [0]],
    "protected_containers": [7, {"a": 1}],
    "attestations": [7, {"a": 1}],
    "document": ["a", ["a"], 7],
    "sign_key": ["closeout_key", "~/key", "./key"],
    "fail": ["perhaps", ["x"]],
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_what_cannot_be_read_is_one_problem_that_names_the_variable(name: str, value: Any) -> None:
    _found, problems = read(**{name: value})
    assert [problem.object for problem in problems] == [f"closeout_{name}"]
    facts = problems[0].as_facts()
    assert set(facts) == {"id", "object", "wanted", "found", "do"}
    assert all(facts.values()) and len(facts["found"]) < 500


def test_all_problems_are_told_at_once() -> None:
    bad = {name: values[0] for name, values in BAD.items()}
    found, problems = read(**bad, nonsense=1, container="c", login_host="h")
    told = [problem.object.removeprefix("closeout_") for problem in problems]
    assert sorted(told) == sorted([*BAD, "nonsense", "login_host"])
    defaults = read()[0]
    for name in set(BAD) - {"dump_name", "scratch_name", "restore_db", "db", "label"}:
        assert found[name] == defaults[name]


def test_a_private_key_in_the_place_of_a_recipient_is_not_shown() -> None:
    for given_as in (SECRET, [RECIPIENT, SECRET.lower()], "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNza"):
        (problem,) = read(age_recipients=given_as)[1]
        assert "a private key, which is not shown" in problem.found
        assert SECRET[:20].lower() not in str(problem).lower() and "b3Bl" not in str(problem)


def test_an_encrypted_dump_is_called_so_once() -> None:
    for form, compression, ending in (
        ("plain", "none", ".sql.age"),
        ("plain", "gzip", ".sql.gz.age"),
        ("custom", "gzip", ".dump.age"),
    ):
        asked = {"age_recipients": RECIPIENT, "format": form, "compression": compression}
        found, problems = read(**asked)
        assert problems == [] and found["dump_name"] == f"prod-directus-closeout-20260516T104634Z{ending}"
        named = found["dump_name"].removeprefix("prod-")
        assert read(**asked, dump_name=named)[0]["dump_name"] == named
    assert not read(compression="gzip")[0]["dump_name"].endswith(".age")


def test_what_cannot_be_encrypted_and_what_opens_nothing() -> None:
    (problem,) = read(age_identity_file="/root/age")[1]
    assert problem.object == "closeout_age_identity_file" and "empty, where" in problem.wanted
    # Recipients that cannot be read are the one problem of such a run.
    (problem,) = read(age_identity_file="/root/age", age_recipients="somebody")[1]
    assert problem.object == "closeout_age_recipients"
    (problem,) = read(age_recipients=RECIPIENT, format="directory", transport="host")[1]
    assert problem.object == "closeout_format" and "plain or custom" in problem.wanted


@pytest.mark.parametrize("name", ["login_host", "login_unix_socket"])
def test_a_container_excludes_another_address(name: str) -> None:
    assert [problem.object for problem in read(container="postgres", **{name: "/x"})[1]] == [f"closeout_{name}"]
    assert read(container="", **{name: "/x"})[1] == []
    assert read(container="postgres", **{name: ""})[1] == []


def test_production_has_a_name_that_outlives_its_system_identifier() -> None:
    assert read(container="postgres")[0]["production"] == "postgres"
    assert read(login_host="db.example")[0]["production"] == "db.example:5432"
    assert read(login_unix_socket="/run/pg", login_port=6543)[0]["production"] == "/run/pg:6543"
    assert read()[0]["production"] == ":5432"


@pytest.mark.parametrize(("compression", "most"), [("none", 0), ("gzip", 9), ("zstd", 19), ("lz4", 12)])
def test_a_level_is_one_of_the_program(compression: str, most: int) -> None:
    found, problems = read(compression=compression, compression_level=most)
    assert (found["compression_level"], problems) == (most, [])
    if most < 19:
        found, problems = read(compression=compression, compression_level=most + 1)
        assert [problem.object for problem in problems] == ["closeout_compression_level"]
        assert f"at most {most}" in problems[0].wanted and found["compression_level"] == 0


def test_a_compressed_dump_is_named_so_once() -> None:
    assert read(compression="zstd")[0]["dump_name"].endswith(".sql.zst")
    assert read(compression="zstd", dump_name="a.zst")[0]["dump_name"] == "a.zst"
    assert read(dump_name="a.zst")[0]["dump_name"] == "a.zst"


@pytest.mark.parametrize("name", ["namespace", "exec"])
def test_a_way_into_a_container_needs_one(name: str) -> None:
    found, problems = read(transport=name, login_host="h")
    assert [problem.object for problem in problems] == ["closeout_transport"]
    assert name in problems[0].found and "host" in problems[0].wanted
    assert found["transport"] == "auto"
    found, problems = read(transport=name, container="postgres")
    assert (found["transport"], problems) == (name, [])


@pytest.mark.parametrize("name", ["password", "hosts", "closeout_db", "lable"])
def test_a_variable_that_there_is_not_is_a_problem(name: str) -> None:
    problems = read(**{name: "secret"})[1]
    assert [problem.object for problem in problems] == [f"closeout_{name}"]
    assert "secret" not in str(problems)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, list(CUTTER_GOVERNANCE_TABLES)),
        ({"schema": "cutter_governance", "expected_tables": [""]}, list(CUTTER_GOVERNANCE_TABLES)),
        ({"expected_tables": "one"}, ["one"]),
        ({"schema": "public"}, []),
        ({"schema": "public", "expected_tables": "one"}, ["one"]),
    ],
)
def test_the_twelve_tables_are_expected_of_their_own_schema(given: dict[str, Any], expected: list[str]) -> None:
    """An empty list for another schema means: what production has. The dump fills it in."""
    assert read(**given)[0]["expected_tables"] == expected
    assert len(CUTTER_GOVERNANCE_TABLES) == len(set(CUTTER_GOVERNANCE_TABLES)) == 12


def test_placeholders_are_filled_in() -> None:
    found, problems = read(
        db="My DB/x", label="v1", dump_name="<db>-<label>-<stamp>-<date>-<run_id>", restore_db="<db>|<label>|<run_id>"
    )
    assert problems == []
    assert found["dump_name"] == "My_DB_x-v1-20260516T104634Z-2026-05-16-4f0c7a91b2d3"
    assert found["restore_db"] == "My DB/x|v1|4f0c7a91b2d3"


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300)
@given(given=st.dictionaries(st.sampled_from(sorted(SETTINGS)), _ANY, max_size=6))
def test_anything_is_read_or_told(given: dict[str, Any]) -> None:
    """Never a crash; without a problem, the artefact lies below its root and has names of its own."""
    found, problems = read(**given)
    assert set(found) == {*SETTINGS, "artefact", "copy_path", "dump_path", "production"}
    if not problems:
        root = found["root"].rstrip("/")
        assert re.fullmatch(re.escape(root) + r"/[\w.-]+_20260516T104634Z", found["artefact"], re.ASCII)
        assert re.fullmatch(re.escape(found["artefact"]) + r"/[\w.-]+", found["dump_path"], re.ASCII)


# ---- the role says the same


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


SECRETS = ("closeout_password", "closeout_notify_url", "closeout_notify_token")
# What several runs have together, and the plan of none of them.
_OF_THE_PLAY = {"closeout_databases": [], "closeout_summary_dir": ""}
# The role's default container is the original run's; a module without one means a server outside containers.
_OF_THE_ROLE = {"container": "postgres"}


def test_the_role_s_defaults_are_the_settings_and_the_secrets() -> None:
    defaults = _yaml(ROLE / "defaults" / "main.yml")
    expected = {f"closeout_{name}": setting.default for name, setting in SETTINGS.items()}
    expected |= {f"closeout_{name}": value for name, value in _OF_THE_ROLE.items()}
    assert defaults == {**expected, **dict.fromkeys(SECRETS, ""), **_OF_THE_PLAY}


def test_the_role_hands_every_setting_to_the_plan() -> None:
    given = _yaml(ROLE / "vars" / "main.yml")["_closeout_common"]
    assert given == {name: f"{{{{ closeout_{name} }}}}" for name in SETTINGS}


def test_the_role_s_arguments_are_its_defaults() -> None:
    defaults = _yaml(ROLE / "defaults" / "main.yml")
    options = _yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    assert set(options) == set(defaults)
    assert {name: option.get("default") for name, option in options.items()} == defaults
    assert all(option.get("description") for option in options.values())
    assert {name for name, option in options.items() if option.get("no_log")} == set(SECRETS)


def test_the_playbook_takes_the_hosts_and_the_summary_s_place() -> None:
    text = (ROOT / "playbooks" / "closeout.yml").read_text()
    assert set(re.findall(r"\bcloseout_\w+", text)) <= {"closeout_hosts", "closeout_summary_dir"}
