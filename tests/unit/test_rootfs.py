"""A directory inside a process' root: links are followed there, and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils._containersocket import _is_socket
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError
from ansible_collections.incomex.closeout.plugins.module_utils._rootfs import RootFs


@pytest.fixture
def root() -> Iterator[RootFs]:
    """The root of this very process, and the proof that looking up leaves no descriptor open."""
    with RootFs(os.getpid()) as found:
        before = os.listdir("/proc/self/fd")
        yield found
        assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.fixture
def inner(root: RootFs, tmp_path: Path) -> RootFs:
    """A root of its own, `tmp_path / root`, with a directory outside of it that has the same names."""
    for top in (tmp_path / "root", tmp_path):
        (top / "run" / "postgresql").mkdir(parents=True)
    os.close(root._root)
    root._root = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    return root


def found_at(root: RootFs, path: str) -> str:
    """Return where a path leads to, as the host names it."""
    descriptor = root.open_directory(path)
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("path", ["/", "", ".", "//", "/..", "/../../..", "/./."])
def test_nothing_is_above_the_root(inner: RootFs, tmp_path: Path, path: str) -> None:
    assert found_at(inner, path) == str(tmp_path / "root")


@pytest.mark.parametrize(
    "path",
    [
        "/run/postgresql",
        "run/postgresql/",
        "//run//./postgresql",
        "/run/x/../postgresql",
        "/../run/postgresql",
        "/run/../../run/postgresql",
    ],
)
def test_a_path_is_found_inside(inner: RootFs, tmp_path: Path, path: str) -> None:
    (tmp_path / "root" / "run" / "x").mkdir()
    assert found_at(inner, path) == str(tmp_path / "root" / "run" / "postgresql")


@pytest.mark.parametrize(
    "target",
    [
        "/run",
        "../run",
        "../../../../run",
        "/../run",
        "/var/../run",
        "/run/postgresql/..",
        "/./run/.",
        "second",
        "/var/second",
    ],
)
def test_a_link_is_followed_inside(inner: RootFs, tmp_path: Path, target: str) -> None:
    """/var/run -> /run is absolute in the official images: it means the image's /run, not the host's."""
    (tmp_path / "root" / "var").mkdir()
    (tmp_path / "root" / "var" / "second").symlink_to("/run")
    (tmp_path / "root" / "var" / "run").symlink_to(target)
    assert found_at(inner, "/var/run/postgresql") == str(tmp_path / "root" / "run" / "postgresql")


def test_a_link_at_the_end_is_followed_too(inner: RootFs, tmp_path: Path) -> None:
    (tmp_path / "root" / "socket").symlink_to("/run/postgresql")
    assert found_at(inner, "/socket") == str(tmp_path / "root" / "run" / "postgresql")


def test_a_link_to_the_outside_leads_nowhere(inner: RootFs, tmp_path: Path) -> None:
    """Its target is looked up inside, where it is not."""
    (tmp_path / "root" / "out").symlink_to(tmp_path / "run")
    with pytest.raises(OSError, match="No such file"):
        inner.open_directory("/out/postgresql")


@pytest.mark.parametrize("links", [{"a": "a"}, {"a": "b", "b": "a"}, {"a": "/b/../a", "b": "a"}])
def test_a_loop_of_links_ends(inner: RootFs, tmp_path: Path, links: dict[str, str]) -> None:
    for name, target in links.items():
        (tmp_path / "root" / name).symlink_to(target)
    with pytest.raises(OSError, match="too many symbolic links"):
        inner.open_directory("/a")


@pytest.mark.parametrize(("length", "fine"), [(40, True), (41, False)])
def test_as_many_links_as_the_kernel_follows(inner: RootFs, tmp_path: Path, length: int, fine: bool) -> None:
    top = tmp_path / "root"
    (top / "l0").symlink_to("run")
    for number in range(1, length):
        (top / f"l{number}").symlink_to(f"l{number - 1}")
    if fine:
        assert found_at(inner, f"/l{length - 1}") == str(top / "run")
    else:
        with pytest.raises(OSError, match="too many"):
            inner.open_directory(f"/l{length - 1}")


@pytest.mark.parametrize("path", ["/none", "/run/none", "/file", "/file/x", "/none/../run"])
def test_what_is_no_directory_is_an_error(inner: RootFs, tmp_path: Path, path: str) -> None:
    (tmp_path / "root" / "file").write_text("x")
    with pytest.raises(OSError, match=r"\S"):
        inner.open_directory(path)


def test_of_this_process_it_is_this_file_system(root: RootFs, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert found_at(root, str(tmp_path / "link")) == os.path.realpath(tmp_path / "a")


def test_a_process_that_is_not_there_is_told() -> None:
    with pytest.raises(CloseoutError, match="cannot be reached") as caught:
        RootFs(2**22 + 1)
    assert "closeout_login_host" in caught.value.do


def test_only_a_socket_is_a_socket(tmp_path: Path) -> None:
    """Not a file, and not a link to a socket somewhere else."""
    import socket

    name = ".s.PGSQL.5432"
    directory = os.open(tmp_path, os.O_PATH | os.O_DIRECTORY)
    try:
        assert _is_socket(name, directory) is False
        (tmp_path / name).write_text("x")
        assert _is_socket(name, directory) is False
        (tmp_path / name).unlink()
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{directory}/{name}")
            assert _is_socket(name, directory) is True
            (tmp_path / "link").symlink_to(name)
            assert _is_socket("link", directory) is False
    finally:
        os.close(directory)
