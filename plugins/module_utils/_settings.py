# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the variables ``closeout_…`` as a person or a survey gave them, made what they mean.

A survey sends strings: "7200", "true", names separated by commas or line breaks. "", [""] and [] all mean "not given".
Nothing is guessed: what cannot be read becomes a problem, and all problems are told at once.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ._age import SUFFIX, is_recipient, without_secret
from ._compression import COMPRESSIONS, NONE, most_of
from ._files import PARTIAL
from ._formats import FORMATS, PLAIN, Format

CUTTER_GOVERNANCE = "cutter_governance"
CUTTER_GOVERNANCE_TABLES = (
    "canonical_address_alias",
    "cut_change_set",
    "cut_change_set_affected_row",
    "decision_backlog_dependency",
    "decision_backlog_entry",
    "decision_backlog_history",
    "decision_backlog_sweep_log",
    "dot_pair_signature",
    "manifest_envelope",
    "manifest_unit_block",
    "review_decision",
    "verify_result",
)
PROGRESS_S = 10
_MOST_RECIPIENTS = 64
_TRUE = {"true", "yes", "on", "1", "y", "t"}
_FALSE = {"false", "no", "off", "0", "n", "f"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_WORD = re.compile(r"[A-Za-z0-9_]{1,40}")
_OF_EVERY_SERVER = {"postgres", "template0", "template1"}
RESERVED_NAMES = {
    "RESTORE.md",
    "SHA256SUMS",
    "SHA256SUMS.sig",
    "census.json",
    "closeout.html",
    "closeout.json",
    "closeout.md",
    "comparison.json",
    "globals.json",
    "globals.sql",
    "logs",
    "manifest.json",
    "settings.sql",
}


@dataclass(frozen=True)
class Problem:
    """Something that keeps the run from starting: which check, which object, what was wanted and found, what helps."""

    id: str
    object: str
    wanted: str
    found: str
    do: str

    def as_facts(self) -> dict[str, str]:
        """Return it as evidence has it."""
        return {"id": self.id, "object": self.object, "wanted": self.wanted, "found": self.found, "do": self.do}


class _Unreadable(ValueError):
    """A value that is not of its setting's kind; says what was wanted, and what of it may be shown as ``found``."""

    def __init__(self, wanted: str, found: str | None = None) -> None:
        super().__init__(wanted)
        self.found = found


Reader = Callable[[Any], Any]


def _text(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise _Unreadable("a text")
    return str(value).strip()


def _matching(pattern: re.Pattern[str], wanted: str) -> Reader:
    def read(value: Any) -> str:
        text = _text(value)
        if not pattern.fullmatch(text):
            raise _Unreadable(wanted)
        return text

    return read


def _number(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        text = _text(value)
        if isinstance(value, bool) or not re.fullmatch(r"\d{1,12}", text) or not least <= int(text) <= most:
            raise _Unreadable(f"a whole number from {least} to {most}")
        return int(text)

    return read


def _choice(*words: str) -> Reader:
    def read(value: Any) -> str:
        text = _text(value)
        if text not in words:
            raise _Unreadable(f"one of {', '.join(words)}")
        return text

    return read


def _boolean(value: Any) -> bool:
    text = _text(value).lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _Unreadable("true or false")


def _list(value: Any) -> list[str]:
    """A string is split at commas and line breaks; the names of a list are taken as they are."""
    parts = re.split(r"[,\r\n]", value) if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)) or any(isinstance(part, (list, dict)) for part in parts):
        raise _Unreadable("a list of names, or names separated by commas or line breaks")
    names = [str(part).strip() if isinstance(value, str) else str(part) for part in parts]
    return list(dict.fromkeys(name for name in names if name))


def _recipients(value: Any) -> list[str]:
    recipients = list(dict.fromkeys(" ".join(text.split()) for text in _list(value)))
    for recipient in recipients:
        if not is_recipient(recipient):
            wanted = "recipients of age (age1…), or public keys of OpenSSH (ssh-ed25519 …, ssh-rsa …)"
            raise _Unreadable(wanted, without_secret(recipient))
    if len(recipients) > _MOST_RECIPIENTS:
        raise _Unreadable(f"at most {_MOST_RECIPIENTS} recipients", str(len(recipients)))
    return recipients


def _statements(value: Any) -> list[Any]:
    """What the operator states: texts, or mappings of a name to a text."""
    if isinstance(value, str):
        return [line.strip() for line in value.splitlines() if line.strip()]
    if not isinstance(value, list):
        raise _Unreadable("a list of statements")
    return [item for item in value if item]


def _mapping(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _Unreadable("a mapping of names to texts")
    return {str(name): str(text) for name, text in value.items()}


def _absolute(value: Any) -> str:
    text = _text(value)
    if not os.path.isabs(text):
        raise _Unreadable("an absolute path")
    return os.path.normpath(text)


@dataclass(frozen=True)
class _Setting:
    """What reads a value that was given, and what holds where none was."""

    read: Reader
    default: Any


# Every variable of the role without its prefix, but for its secrets: password, URL and token of a webhook. The role's
# defaults say the same; a test sees to it.
SETTINGS: dict[str, _Setting] = {
    "container": _Setting(_text, ""),
    "docker_host": _Setting(_text, ""),
    "login_host": _Setting(_text, ""),
    "login_port": _Setting(_number(1, 65535), 5432),
    "login_unix_socket": _Setting(_text, ""),
    "ssl_mode": _Setting(_choice("disable", "allow", "prefer", "require", "verify-ca", "verify-full"), "prefer"),
    "ca_cert": _Setting(_text, ""),
    "user": _Setting(_text, "workflow_admin"),
    "passfile": _Setting(_text, ""),
    "db": _Setting(_text, "directus"),
    "bin_dir": _Setting(_text, ""),
    "transport": _Setting(_choice("auto", "namespace", "exec", "host"), "auto"),
    "bandwidth_limit_mb_s": _Setting(_number(0, 1_000_000), 0),
    "max_blocking_s": _Setting(_number(0, 86400), 20),
    "format": _Setting(_choice(*FORMATS), PLAIN),
    "dump_jobs": _Setting(_number(1, 64), 1),
    "compression": _Setting(_choice(*COMPRESSIONS), NONE),
    "compression_level": _Setting(_number(0, 19), 0),
    "age_recipients": _Setting(_recipients, []),
    "age_identity_file": _Setting(_absolute, ""),
    "root": _Setting(_absolute, "/opt/incomex/backups"),
    "label": _Setting(
        _matching(_NAME, "letters, digits, '_', '.' and '-', at most 63, beginning with a letter or digit"), "closeout"
    ),
    "dump_name": _Setting(_text, "prod-<db>-<label>-<stamp>.sql"),
    "scratch_name": _Setting(_text, "pg-restoretest-<label>-<date>-<run_id>"),
    "schema": _Setting(_text, CUTTER_GOVERNANCE),
    "schema_alias": _Setting(_matching(_WORD, "letters, digits and '_', at most 40"), "cg"),
    "expected_tables": _Setting(_list, []),
    "scratch_host": _Setting(_text, ""),
    "scratch_driver": _Setting(_choice("docker", "local"), "docker"),
    "scratch_image": _Setting(_text, ""),
    "scratch_ttl_s": _Setting(_number(60, 604800), 7200),
    "scratch_storage": _Setting(_choice("volume", "tmpfs"), "volume"),
    "scratch_memory_mb": _Setting(_number(256, 1 << 20), 1024),
    "scratch_os_user": _Setting(_text, ""),
    "restore_db": _Setting(_text, "<db>_restoretest"),
    "restore_jobs": _Setting(_number(0, 64), 0),
    "restore_tolerance": _Setting(_choice("none", "by_hand"), "none"),
    "production_quiet": _Setting(_boolean, False),
    "production_content": _Setting(_choice("audited", "all", "none"), "audited"),
    "progress_s": _Setting(_number(0, 3600), PROGRESS_S),
    "compare_jobs": _Setting(_number(1, 64), 2),
    "show_differences": _Setting(_boolean, False),
    "protected_containers": _Setting(_list, []),
    "attestations": _Setting(_statements, []),
    "document": _Setting(_mapping, {}),
    "shrink_limit_percent": _Setting(_number(0, 100), 20),
    "textfile_dir": _Setting(_absolute, ""),
    "keep_last": _Setting(_number(0, 100_000), 0),
    "keep_days": _Setting(_number(0, 36_500), 0),
    "notify_when": _Setting(_choice("always", "failure"), "always"),
    "notify_timeout_s": _Setting(_number(1, 60), 10),
    # Not given is no 0: none of them is removed.
    "keep_failed": _Setting(_number(0, 100_000), ""),
    "sign_key": _Setting(_absolute, ""),
    "fail": _Setting(_boolean, True),
}


def read_settings(given: dict[str, Any], *, run_id: str, stamp: str, date: str) -> tuple[dict[str, Any], list[Problem]]:
    """Return the effective settings of a run, and every problem with what was given.

    ``given`` maps names without prefix to raw values. ``<db>``, ``<label>``, ``<stamp>``, ``<date>`` and ``<run_id>``
    in names are replaced. A setting with a problem has its default.
    """
    settings, problems = read_given(given, SETTINGS)
    if not settings["expected_tables"] and settings["schema"] == CUTTER_GOVERNANCE:
        settings["expected_tables"] = list(CUTTER_GOVERNANCE_TABLES)
    if settings["container"] and (settings["login_host"] or settings["login_unix_socket"]):
        other = "login_host" if settings["login_host"] else "login_unix_socket"
        problems.append(
            _problem(other, "empty when closeout_container is set", settings[other], do='or set closeout_container: ""')
        )
    words = {"label": settings["label"], "stamp": stamp, "date": date, "run_id": run_id}
    file_words = {**words, "db": re.sub(r"[^A-Za-z0-9_.-]", "_", settings["db"])}
    settings["dump_name"] = _expanded(settings["dump_name"], file_words)
    settings["dump_name"] = _with_endings(settings)
    if settings["age_identity_file"] and _not_given(given.get("age_recipients")):
        wanted = "empty, where closeout_age_recipients is empty"
        problems.append(_problem("age_identity_file", wanted, settings["age_identity_file"]))
    for name, wanted in _contradictions(settings):
        problems.append(_problem(name, wanted, repr(settings[name])))
        settings[name] = SETTINGS[name].default
    settings["scratch_name"] = _expanded(settings["scratch_name"], file_words)
    settings["restore_db"] = _expanded(settings["restore_db"], {**words, "db": settings["db"]})
    reserved = RESERVED_NAMES | {f"{kind}_{settings['schema_alias']}_tables.txt" for kind in ("dump", "restoretest")}
    if settings["dump_name"].endswith(PARTIAL):
        problems.append(_problem("dump_name", f"another ending than {PARTIAL}", repr(settings["dump_name"])))
    if not _FILE_NAME.fullmatch(settings["dump_name"]) or settings["dump_name"] in reserved:
        problems.append(_problem("dump_name", "a plain file name of its own", repr(settings["dump_name"])))
    if not _FILE_NAME.fullmatch(settings["scratch_name"]):
        problems.append(_problem("scratch_name", "a name that Docker takes", repr(settings["scratch_name"])))
    if not 0 < len(settings["restore_db"].encode("utf-8")) <= 63:
        problems.append(_problem("restore_db", "1 to 63 bytes", repr(settings["restore_db"])))
    if settings["restore_db"] in _OF_EVERY_SERVER:
        problems.append(
            _problem("restore_db", "a database that a new server does not have", repr(settings["restore_db"]))
        )
    settings["production"] = (
        settings["container"] or f"{settings['login_host'] or settings['login_unix_socket']}:{settings['login_port']}"
    )
    settings["artefact"] = os.path.join(settings["root"], f"{settings['label']}_{stamp}")
    # On the scratch host, where that is another one: several hosts may use it in the same second.
    settings["copy_path"] = f"{settings['artefact']}_{run_id}.copy" if settings["scratch_host"] else ""
    settings["dump_path"] = os.path.join(settings["artefact"], settings["dump_name"])
    return settings, problems


def _with_endings(settings: dict[str, Any]) -> str:
    """Return the dump's name with the endings of its format, and of its encryption."""
    ending = SUFFIX if settings["age_recipients"] else ""
    name = settings["dump_name"].removesuffix(ending)
    return Format(settings["format"], settings["compression"]).file_name(name) + ending


def read_given(given: dict[str, Any], known: dict[str, _Setting]) -> tuple[dict[str, Any], list[Problem]]:
    """Return a value for each of the ``known`` settings, and a problem for what was given and cannot be read."""
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, setting in known.items():
        value = given.get(name)
        settings[name] = setting.default
        if _not_given(value):
            continue
        try:
            settings[name] = setting.read(value)
        except _Unreadable as error:
            found = repr(value) if error.found is None else error.found
            problems.append(_problem(name, str(error), found[:200]))
    for name in sorted(set(given) - set(known)):
        like = difflib.get_close_matches(name, known, 1)
        do = f"it may be closeout_{like[0]} that is meant" if like else "correct its name, or remove it"
        problems.append(_problem(name, "a variable of this collection", "one that nobody reads", do))
    return settings, problems


def _contradictions(settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what cannot be together with the rest: the setting, and what it may be."""
    most, is_directory = most_of(settings["compression"]), Format(settings["format"]).writes_itself
    found = []
    if settings["compression_level"] > most:
        found.append(("compression_level", f"at most {most}, for {settings['compression']}"))
    if settings["dump_jobs"] > 1 and not is_directory:
        found.append(("dump_jobs", f"1, for the format {settings['format']}"))
    if settings["age_recipients"] and is_directory:
        found.append(("format", "plain or custom, where the dump is encrypted: pg_dump writes a directory itself"))
    if settings["bandwidth_limit_mb_s"] and is_directory:
        found.append(("bandwidth_limit_mb_s", "0, for the format directory, which pg_dump writes itself"))
    if settings["transport"] in ("namespace", "exec"):
        if not settings["container"]:
            found.append(("transport", "auto or host for a server outside containers"))
        elif is_directory:
            found.append(("transport", "auto or host for the format directory, which pg_dump writes itself"))
    return found


def _not_given(value: Any) -> bool:
    if value is None or (isinstance(value, (str, list, dict)) and not value):
        return True
    if isinstance(value, str):
        return not value.strip()
    return isinstance(value, list) and all(item is None or item == "" for item in value)


def _expanded(pattern: str, words: dict[str, str]) -> str:
    return re.sub(r"<(\w+)>", lambda match: words.get(match.group(1), match.group(0)), pattern)


def _problem(name: str, wanted: str, found: str, do: str = "") -> Problem:
    variable = f"closeout_{name}"
    return Problem("settings", variable, wanted, found, do or f"correct {variable}")
