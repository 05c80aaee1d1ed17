"""Drill: production is written to during the whole run. Production, dump and copy are equal all the same, every time of
ten (two in a share of the drills), because one snapshot serves them all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.conftest import ClusterFactory
from tests.drills.harness import Closeout, evidence_of
from tests.integration.closeouts import assert_all_pass, local_variables
from tests.support.playbook import run_playbook
from tests.support.postgres import Cluster
from tests.support.share import IN_FULL

RUNS = 10 if IN_FULL else 2
WRITERS = 2
PAUSE_S = 0.004

SQL = """
CREATE SCHEMA cutter_governance;
CREATE TABLE cutter_governance.accounts (aid int PRIMARY KEY, balance bigint NOT NULL, filler text)
  WITH (fillfactor = 50);
CREATE TABLE cutter_governance.history (hid bigint GENERATED ALWAYS AS IDENTITY, aid int, delta int, at timestamptz);
INSERT INTO cutter_governance.accounts SELECT n, 0, repeat('x', n % 60) FROM generate_series(1, 5000) AS n;
"""
# Like pgbench's, with rows that come and go, and values that move to other pages.
TRANSACTION = """
UPDATE cutter_governance.accounts SET balance = balance + %(delta)s WHERE aid = %(aid)s;
INSERT INTO cutter_governance.history (aid, delta, at) VALUES (%(aid)s, %(delta)s, clock_timestamp());
DELETE FROM cutter_governance.history WHERE hid %% 7 = 0 AND aid = %(aid)s;
UPDATE cutter_governance.accounts SET filler = filler || 'y' WHERE aid = %(aid)s AND length(filler) < 200;
"""


@contextlib.contextmanager
def traffic(server: Cluster) -> Iterator[list[int]]:
    """Write without a pause until the block ends; the list gives the number of transactions so far, a writer each."""
    ended = threading.Event()
    counts = [0] * WRITERS
    errors: list[psycopg2.Error] = []

    def write(writer: int) -> None:
        try:
            connection = server.connect("directus")
            with connection.cursor() as cursor:
                while not ended.is_set():
                    number = counts[writer]
                    cursor.execute(TRANSACTION, {"delta": number % 17, "aid": 1 + (number * 37 + writer) % 5000})
                    counts[writer] += 1
                    if number % 500 == 0:
                        cursor.execute("VACUUM cutter_governance.accounts")
                    # Busy, but not so that nothing else gets a turn on a small machine.
                    ended.wait(PAUSE_S)
            connection.close()
        except psycopg2.Error as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield counts
    finally:
        ended.set()
        for thread in threads:
            thread.join(60)
    assert not errors, errors


@pytest.mark.timeout(900)
def test_a_busy_production_passes_every_time(cluster: ClusterFactory, tmp_path: Path) -> None:
    """Once with the playbook; then with the modules alone, which do all that a busy production could disturb."""
    server = cluster(16, SQL)
    settings = {"expected_tables": ["accounts", "history"], "production_content": "all"}

    def by_the_playbook(root: Path) -> dict[str, Any]:
        return assert_all_pass(run_playbook(local_variables(server, root, **settings)))

    def by_the_modules(root: Path) -> dict[str, Any]:
        return evidence_of(Closeout(server, root, **settings).run())

    with traffic(server) as counts:
        for run, closeout in enumerate([by_the_playbook, *[by_the_modules] * (RUNS - 1)]):
            before = sum(counts)
            evidence = closeout(tmp_path / str(run))
            assert sum(counts) > before + 10, "production was not busy"
            assert evidence["result"]["closeout_result"] == "ALL_PASS", evidence["result"]
            statuses = {check["id"]: check["status"] for check in evidence["checks"]}
            assert set(statuses.values()) == {"PASS", "INFO"}
            assert statuses["production.rows"] == "INFO"
            assert evidence["result"]["production_state"] == "SAFE, changed by its own traffic"
            witnesses = [evidence["production"][moment]["rows"]["history"] for moment in ("before", "after")]
            assert witnesses[0] != witnesses[1]
