"""Artefact directories as closeouts leave them, without the closeouts: for tests of what is removed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.incomex.closeout.plugins.module_utils import _artefact, _history
from ansible_collections.incomex.closeout.plugins.module_utils._clock import stamp, to_text

DAY_S = 86400.0
WHOSE = {"host": "prod1", "production": "postgres", "db": "directus", "audited_schema": "cutter_governance"}


@dataclass(frozen=True)
class Made:
    """A directory that was made, and its run."""

    path: Path
    run_id: str

    def change(self, name: str, **values: Any) -> None:
        """Change members of a JSON file in it, as nobody should."""
        document = json.loads((self.path / name).read_text())
        (self.path / name).write_text(json.dumps({**document, **values}))


def make(
    root: Path,
    days: float,
    result: str | None = "ALL_PASS",
    *,
    told: bool = True,
    files: int = 0,
    whose: dict[str, str] | None = None,
) -> Made:
    """Make an artefact that was begun ``days`` ago and came to ``result``; None: its run was killed before its record.

    ``told``: the run has its line in the history, too. ``files``: the dump is a directory of so many.
    """
    whose = WHOSE if whose is None else whose
    run_id = secrets.token_hex(6)
    moment = dt.datetime.fromtimestamp(time.time() - days * DAY_S, dt.timezone.utc)
    path = root / f"closeout_{stamp(moment)}"
    dump = path / ("prod.dir" if files else "prod.sql")
    _artefact.begin(str(path), run_id, dump=str(dump), whose=whose)
    made = Made(path, run_id)
    made.change(".closeout.json", begun_utc=to_text(moment))
    (path / "logs" / "pg_dump.log").write_text("")
    (path / "manifest.json").write_text("{}")
    content = f"dump of {run_id}\n".encode() * 100
    if files:
        dump.mkdir()
        for number in range(files):
            (dump / f"{number}.dat").write_bytes(content)
        one = hashlib.sha256(content).hexdigest()
        lines = "".join(f"{one}  {name}\n" for name in sorted(f"{number}.dat" for number in range(files)))
        sha256 = hashlib.sha256(lines.encode()).hexdigest()
    else:
        dump.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
    if result is not None:
        evidence = {
            "schema": "incomex.closeout/evidence/1",
            "run": {"id": run_id, "host": whose.get("host"), "db": whose.get("db")},
            "settings": {"production": whose.get("production"), "schema": whose.get("audited_schema")},
            "dump": {"path": str(dump), "size_bytes": len(content) * max(files, 1), "sha256": sha256},
            "result": {"closeout_result": result},
        }
        _artefact.write_record(str(path), evidence, "# Record\n", "<p>")
        _artefact.seal(str(path), {})
    if told:
        counted = dict.fromkeys(("size_bytes", "text_bytes", "rows", "audited_rows"), 1)
        run = {"run_id": run_id, "started_utc": to_text(moment), "result": result}
        line = {"schema": _history.SCHEMA, **run, **counted, **whose}
        _history.add(_history.path_below(str(root)), line)
    return made
