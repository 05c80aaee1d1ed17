"""Fixtures that give tests real servers, and the check that a session leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Generator, Iterator

import docker as docker_sdk
import hypothesis
import pytest

from tests.support import age, containers, docker, image, leftovers, postgres, session
from tests.support.debian import apt_install, on_debian_as_root
from tests.support.places import CACHE, DATA, locked

# Before anything else: what is started from here on descends from the session's supervisor.
SUPERVISOR, MAY_HAVE_WORKERS = session.begin()

# How long an example takes says something of the machine only.
hypothesis.settings.register_profile("closeout", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("closeout")

_WATCH = pytest.StashKey[leftovers.Watch]()
_FOUND = "left_behind"
ClusterFactory = Callable[..., postgres.Cluster]
ProductionFactory = Callable[..., containers.Production]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker and look at what is there before the first test."""
    config.addinivalue_line("markers", "docker: needs a Docker daemon (set by itself on tests that use one)")
    config.stash[_WATCH] = leftovers.Watch(SUPERVISOR)
    if session.WORKER:
        # Before tmp_path is set up: what the session chose is not there for a worker.
        config.option.basetemp = str(session.TMP / "pytest")


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: a worker for each core; none where they would see each other's servers, files and containers."""
    if MAY_HAVE_WORKERS and docker.running() is None:
        return len(os.sched_getaffinity(0))
    return 0


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """A worker has ended: take over what it found."""
    output: dict[str, list[str]] = getattr(node, "workeroutput", {})
    config: pytest.Config = getattr(node, "config")  # noqa: B009 (xdist has no public type for a node)
    config.stash[_WATCH].add(output.get(_FOUND, []))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that reaches for the daemon, through whatever fixture."""
    for item in items:
        if "docker_host" in getattr(item, "fixturenames", ()):
            item.add_marker("docker")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """CLOSEOUT_DOCKER=required: a container test that was skipped has failed."""
    report = yield
    required = os.environ.get("CLOSEOUT_DOCKER") == "required"
    if required and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("docker"):
        report.longrepr = f"skipped although CLOSEOUT_DOCKER=required: {report.longrepr}"
        report.outcome = "failed"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After the last fixture: nothing of ours may be left, or the session has failed."""
    watch = session.config.stash[_WATCH]
    watch.check_processes()
    watch.check_paths()
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_FOUND] = watch.found
        return
    _end_session()
    if watch.found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None:
            return
        for line in watch.found:
            text = f"left behind: {line}"
            report = pytest.TestReport(
                "the session's end", ("tests/conftest.py", 0, "leftovers"), {}, "failed", text, "teardown"
            )
            reporter.stats.setdefault("error", []).append(report)


def _end_session() -> None:
    """Remove the session's directory: apart, because pytest's argument hides the module of the same name."""
    session.end()


@pytest.fixture(scope="session")
def watch(pytestconfig: pytest.Config) -> leftovers.Watch:
    """What looks for leftovers at the session's end; a test may ask it for the processes that run now."""
    return pytestconfig.stash[_WATCH]


@pytest.fixture(scope="session")
def docker_daemon(watch: leftovers.Watch) -> Iterator[docker.Daemon]:
    """A daemon that answers; skips without one, or fails with CLOSEOUT_DOCKER=required. Nothing may be left on it."""
    with contextlib.ExitStack() as stack:
        try:
            daemon = stack.enter_context(docker.daemon())
        except docker.Unavailable as error:
            if os.environ.get("CLOSEOUT_DOCKER") == "required":
                pytest.fail(f"Docker is required: {error}", pytrace=False)
            pytest.skip(f"Docker: {error}")
        client = stack.enter_context(contextlib.closing(daemon.client()))
        watch.docker_begins(client, daemon.private)
        yield daemon
        watch.check_docker(client, daemon.private)


@pytest.fixture(scope="session")
def docker_host(docker_daemon: docker.Daemon) -> str:
    """The daemon's URL, as for the option `docker_host`."""
    return docker_daemon.url


@pytest.fixture(scope="session")
def docker_client(docker_host: str) -> Iterator[docker_sdk.DockerClient]:
    """A client of that daemon."""
    with contextlib.closing(docker_sdk.DockerClient(base_url=docker_host, timeout=60)) as client:
        yield client


@pytest.fixture(scope="session")
def production_image(docker_daemon: docker.Daemon, docker_host: str) -> str:
    """The name of an image that runs production (the official one, or one built here)."""
    return image.provide(docker_daemon)


@pytest.fixture(scope="session")
def production_container(
    docker_client: docker_sdk.DockerClient, production_image: str
) -> Iterator[containers.Production]:
    """A running production container without network, loaded with the sample. Shared: do not change it."""
    with containers.production(docker_client, production_image) as server:
        server.psql((DATA / "cutter_governance.sql").read_text())
        yield server


@pytest.fixture
def start_production(docker_client: docker_sdk.DockerClient, production_image: str) -> Iterator[ProductionFactory]:
    """`start_production(sql="", **options of containers.production)`: a container of the test's own."""
    with contextlib.ExitStack() as stack:

        def start(sql: str = "", **options: object) -> containers.Production:
            """Start one, and run `sql` in its database."""
            server = stack.enter_context(containers.production(docker_client, production_image, **options))  # type: ignore[arg-type]
            if sql:
                server.psql(sql)
            return server

        yield start


@pytest.fixture(scope="session")
def cutter_governance() -> str:
    """The SQL of the sample database: 12 tables, some with rows, and a small public schema."""
    return (DATA / "cutter_governance.sql").read_text()


@pytest.fixture(scope="session")
def pg_install() -> Callable[[int], postgres.Installation]:
    """`pg_install(16).bin_dir`: an unpacked server and its client programs."""
    return postgres.install


@pytest.fixture
def cluster(pg_install: Callable[[int], postgres.Installation]) -> Iterator[ClusterFactory]:
    """`cluster(version=16, sql="", db="directus", **options of Cluster)`: a running server of the test's own."""
    with contextlib.ExitStack() as stack:

        def start(version: int = 16, sql: str = "", db: str = "directus", **options: object) -> postgres.Cluster:
            """Start one with an empty database `db`, and run `sql` in it."""
            server = stack.enter_context(postgres.Cluster(pg_install(version), **options))  # type: ignore[arg-type]
            server.psql(f'CREATE DATABASE "{db}"')
            if sql:
                server.psql(sql, db)
            return server

        yield start


@pytest.fixture(scope="session")
def production_cluster(
    pg_install: Callable[[int], postgres.Installation], cutter_governance: str
) -> Iterator[postgres.Cluster]:
    """A running server (16, no container) whose database directus holds the sample. Shared: do not change it."""
    with postgres.Cluster(pg_install(16)) as server:
        server.psql("CREATE DATABASE directus")
        server.psql(cutter_governance, "directus")
        yield server


@pytest.fixture(scope="session")
def compressors() -> None:
    """The programs gzip, zstd and lz4 on this host; skips where they are missing and cannot be installed."""
    missing = [name for name in ("gzip", "zstd", "lz4") if shutil.which(name) is None]
    if missing and not on_debian_as_root():
        pytest.skip(f"not installed: {', '.join(missing)}")
    if missing:
        apt_install(*missing)


@pytest.fixture(scope="session")
def age_program() -> None:
    """The program age on this host; skips where it is missing and cannot be installed."""
    age.installed()


@pytest.fixture
def nobody() -> Iterator[None]:
    """For a test with a server that runs as user nobody: one at a time on this host, because a scratch server's user
    runs no other server."""
    with locked(CACHE / "nobody.lock"):
        yield
