"""A server crashes and recovers between two witnesses: its start time stays, and the check knows of it all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._checks_production import production_not_restarted
from ansible_collections.incomex.closeout.plugins.module_utils._outcome import FAIL, PASS, Outcome

from tests.conftest import ClusterFactory, ProductionFactory
from tests.integration.module_options import in_container, on_socket, succeeds
from tests.integration.test_closeout_standby import as_standby
from tests.support.crash import crash
from tests.support.places import wait_until
from tests.support.postgres import VERSIONS, Cluster

# With their rows on the disk: a crash loses what an asynchronous commit has not brought there.
_ROLES = """
CREATE ROLE reader LOGIN;
GRANT pg_read_all_data TO reader;
CREATE ROLE watcher LOGIN;
GRANT pg_read_all_data, pg_read_all_stats TO watcher;
CHECKPOINT;
"""
_VIEWS = ("pg_stat_archiver", "pg_stat_bgwriter", "pg_stat_wal")
_RESETS = " UNION ALL ".join(f"SELECT stats_reset FROM {view}" for view in _VIEWS)
_RESET_ALL = "; ".join(f"SELECT pg_stat_reset_shared('{name}')" for name in ("archiver", "bgwriter", "wal"))

Witnesses = Mapping[str, Mapping[str, Any]]


def witnesses(server: Cluster) -> Witnesses:
    """What each user sees: the superuser, one with pg_read_all_stats, one without."""
    users = ("workflow_admin", "watcher", "reader")
    return {user: succeeds("pg_witness_info", on_socket(server, schema="none", login_user=user)) for user in users}


def test_views_of_statistics_that_may_not_be_read(cluster: ClusterFactory) -> None:
    """What is left of them decides; who sees the checkpointer needs none. pg_read_all_data reads them in any case."""
    server = cluster(16, _ROLES)
    server.psql("CREATE ROLE plain LOGIN; REVOKE SELECT ON pg_stat_wal, pg_stat_archiver FROM PUBLIC", "directus")

    def seen(user: str) -> dict[str, Any]:
        return succeeds("pg_witness_info", on_socket(server, schema="none", login_user=user))

    found = seen("plain")
    assert {view for view, since in found["statistics_reset_utc"].items() if since} == {"pg_stat_bgwriter"}
    assert judged(found, found).status == PASS
    server.psql("REVOKE SELECT ON pg_stat_bgwriter FROM PUBLIC", "directus")
    found = seen("plain")
    assert found["statistics_reset_utc"] == dict.fromkeys(_VIEWS, "")
    assert judged(found, found).status == FAIL
    server.psql("GRANT pg_read_all_stats TO plain", "directus")
    found = seen("plain")
    assert judged(found, found).status == PASS


def judged(before: Mapping[str, Any], after: Mapping[str, Any]) -> Outcome:
    return production_not_restarted({"production": {"before": before, "after": after}})


def assert_seen(before: Witnesses, after: Witnesses) -> None:
    """The crash left no other trace of itself in the identity, and each user's check fails for it."""
    for user, one in before.items():
        other = after[user]
        assert other["postmaster_start_utc"] == one["postmaster_start_utc"]
        assert set(other["statistics_reset_utc"]) == set(_VIEWS)
        assert all(other["statistics_reset_utc"][view] > one["statistics_reset_utc"][view] > "2" for view in _VIEWS)
        outcome = judged(one, other)
        assert outcome.status == FAIL
        if user == "reader":
            assert (one["checkpointer_start_utc"], other["checkpointer_start_utc"]) == ("", "")
            assert "pg_read_all_stats would see which" in outcome.detail
        else:
            assert other["checkpointer_start_utc"] > one["checkpointer_start_utc"] > "2"
            assert "it crashed and recovered in between" in outcome.detail


@pytest.mark.parametrize("version", VERSIONS)
def test_a_crash_is_seen_by_every_user(version: int, cluster: ClusterFactory) -> None:
    server = cluster(version, _ROLES)
    before, again = witnesses(server), witnesses(server)
    assert [judged(before[user], again[user]).status for user in before] == [PASS] * 3
    crash(server)
    assert_seen(again, witnesses(server))


@pytest.mark.parametrize("version", [min(VERSIONS), max(VERSIONS)])
def test_a_standby_s_crash_is_seen_too(version: int, cluster: ClusterFactory) -> None:
    server = cluster(version, _ROLES)
    as_standby(server)
    before = witnesses(server)
    assert {one["in_recovery"] for one in before.values()} == {True}
    crash(server)
    assert_seen(before, witnesses(server))


@pytest.mark.parametrize("version", VERSIONS)
def test_somebody_who_resets_statistics_is_no_crash(version: int, cluster: ClusterFactory) -> None:
    """Who sees the checkpointer knows; the other is told that it may be either, and only if all of them are reset."""
    server = cluster(version, _ROLES)
    before = witnesses(server)
    reset_of_wal = server.psql("SELECT stats_reset FROM pg_stat_wal")
    server.psql("SELECT pg_stat_reset_shared('wal')")
    # The collector of 14 tells nobody at once.
    wait_until(lambda: server.psql("SELECT stats_reset FROM pg_stat_wal") != reset_of_wal, 30, "the reset to be seen")
    one = witnesses(server)
    assert [judged(before[user], one[user]).status for user in before] == [PASS] * 3

    resets = set(server.psql(_RESETS).splitlines())
    server.psql(_RESET_ALL)
    wait_until(lambda: not resets & set(server.psql(_RESETS).splitlines()), 30, "the resets to be seen")
    after = witnesses(server)
    found = {user: judged(before[user], after[user]) for user in before}
    assert {user: outcome.status for user, outcome in found.items()} == {
        "workflow_admin": PASS, "watcher": PASS, "reader": FAIL
    }  # fmt: skip
    assert "somebody reset all its statistics" in found["reader"].detail


def test_a_crash_within_a_container_is_seen_although_docker_sees_none(
    start_production: ProductionFactory, docker_host: str
) -> None:
    server = start_production()
    asked = in_container(server, docker_host, schema="none")
    before = succeeds("pg_witness_info", asked)
    crash(server)
    after = succeeds("pg_witness_info", asked)
    for name in ("id", "started_utc", "restart_count", "health"):
        assert after["container"][name] == before["container"][name]
    assert after["postmaster_start_utc"] == before["postmaster_start_utc"]
    assert judged(before, before).status == PASS
    assert "it crashed and recovered in between" in judged(before, after).detail
