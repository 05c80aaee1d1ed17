# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: the metrics of a database, in a file for the textfile collector of Prometheus'
node_exporter.

Source: Prometheus, Exposition formats, Text-based format; node_exporter, Textfile collector: a file is renamed into
place, is readable to the exporter's user, ends in ``.prom``, and no two files have the same series.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any

from ._clock import from_text
from ._errors import CloseoutError
from ._files import fsync_directory
from ._history_line import ALL_PASS, SAME, is_same
from ._outcome import FAIL, INFO, NOT_RUN, PASS, is_count, is_duration

_PREFIX = "incomex_closeout_"
_LABELS = {"host": "host", "production": "production", "db": "db", "schema": "audited_schema", "label": "label"}
"""Label -> what the line calls it."""
_HELP = {
    "last_result": "Whether the last closeout passed: 1, or 0 where it did not.",
    "last_run_timestamp_seconds": "When the last closeout ended.",
    "last_success_timestamp_seconds": "When the last closeout that passed ended; 0 where there is none.",
    "dump_size_bytes": "What the dump of the last closeout takes on the disk.",
    "dump_text_bytes": "The size of that dump's text.",
    "dump_encrypted": "Whether the dump of the last closeout is encrypted: 1, or 0 where it is not.",
    "rows": "Rows of the whole database in that dump.",
    "audited_rows": "Rows of the audited schema in that dump.",
    "stage_duration_seconds": "How long the stages of the last closeout took.",
    "checks": "How many checks of the last closeout have which status.",
}


def file_name(line: dict[str, Any]) -> str:
    """Return the name of a database's file: readable, safe for a database of any name, and no other database's."""
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", str(line.get("db")))[:40]
    whose = "\0".join(str(line.get(name)) for name in SAME)
    digest = hashlib.sha256(whose.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"incomex_closeout_{readable}_{digest}.prom"


def text_of(line: dict[str, Any], before: Iterable[dict[str, Any]]) -> str:
    """Return the metrics of a run whose line in the history is ``line``; ``before`` are other lines, the newest first.

    What the run did not get to has no sample: the dump of another run is not this one's.
    """
    whose = {label: line.get(name) for label, name in _LABELS.items()}
    parts = []
    for name, help_text in _HELP.items():
        samples = list(_samples(name, line, before))
        if samples:
            parts += [f"# HELP {_PREFIX}{name} {help_text}", f"# TYPE {_PREFIX}{name} gauge"]
            parts += [f"{_PREFIX}{name}{_labels({**whose, **more})} {value!r}" for more, value in samples]
    return "".join(f"{part}\n" for part in parts)


def write(directory: str, line: dict[str, Any], before: Iterable[dict[str, Any]]) -> str:
    """Write the file of the run's database, whole or not at all, mode 0644; return its path. Raises CloseoutError."""
    path = os.path.join(directory, file_name(line))
    content = text_of(line, before).encode("utf-8", "replace")
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=".incomex_closeout_", suffix=".new", dir=directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(descriptor, 0o644)
                os.fsync(descriptor)
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
        fsync_directory(directory)
    except OSError as error:
        raise CloseoutError(
            f"The metrics cannot be written to {directory}",
            wanted="a directory that can be written to, and room there",
            found=error.strerror or str(error),
            do="correct closeout_textfile_dir or the directory; the closeout's own result is not touched by it",
        ) from error
    return path


def _samples(
    name: str, line: dict[str, Any], before: Iterable[dict[str, Any]]
) -> Iterator[tuple[dict[str, str], float]]:
    if name == "last_result":
        yield {}, 1 if line.get("result") == ALL_PASS else 0
    elif name == "dump_encrypted":
        if isinstance(line.get("encrypted"), bool):
            yield {}, int(line["encrypted"])
    elif name == "last_run_timestamp_seconds":
        yield {}, _ended(line)
    elif name == "last_success_timestamp_seconds":
        yield {}, _last_success(line, before)
    elif name == "stage_duration_seconds":
        for stage, seconds in sorted((line.get("durations_s") or {}).items()):
            if is_duration(seconds):
                yield {"stage": stage}, seconds
    elif name == "checks":
        for status in (PASS, FAIL, NOT_RUN, INFO):
            yield {"status": status}, (line.get("checks") or {}).get(status, 0)
    else:
        value = line.get({"dump_size_bytes": "size_bytes", "dump_text_bytes": "text_bytes"}.get(name, name))
        if is_count(value):
            yield {}, value


def _last_success(line: dict[str, Any], before: Iterable[dict[str, Any]]) -> float:
    whose = {name: line.get(name) for name in SAME}
    good = (one for one in (line, *before) if one.get("result") == ALL_PASS and is_same(one, whose))
    return next((_ended(one) for one in good), 0.0)


def _ended(line: dict[str, Any]) -> float:
    text = line.get("finished_utc") or line.get("started_utc")
    try:
        return from_text(str(text)).timestamp()
    except ValueError:
        return 0.0


def _labels(values: dict[str, Any]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in values.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
