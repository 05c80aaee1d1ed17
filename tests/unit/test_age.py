"""Encrypting and decrypting by the real age: nothing gets lost, and what is wrong with a file or a key is told."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest
from ansible_collections.incomex.closeout.plugins.module_utils import _age
from ansible_collections.incomex.closeout.plugins.module_utils._age import (
    assert_opens,
    assert_recipients,
    decrypted,
    encryptor,
    is_encrypted,
    is_recipient,
    sizes_fit,
    version,
    without_secret,
)
from ansible_collections.incomex.closeout.plugins.module_utils._compression import Compressor
from ansible_collections.incomex.closeout.plugins.module_utils._dumptext import DumpFile
from ansible_collections.incomex.closeout.plugins.module_utils._errors import CloseoutError, ProgramFailed
from ansible_collections.incomex.closeout.plugins.module_utils._files import pieces_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import age
from tests.support.places import wait_until

pytestmark = pytest.mark.usefixtures("age_program")
PIECE = 65536
TEXT = b"".join(b"%d\trow of a table\n" % number for number in range(20_000))


class Keys:
    """Identities in files, and the recipients that they open."""

    def __init__(self, directory: Path) -> None:
        """Make them."""
        self.mine, self.other = directory / "mine", directory / "other"
        self.recipient, self.other_recipient = age.new_key(self.mine), age.new_key(self.other)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Two identities of age."""
    return Keys(tmp_path_factory.mktemp("keys"))


def seal(pieces: list[bytes], *recipients: str) -> bytes:
    """Encrypt by the class that a dump goes through."""
    taken = bytearray()
    program = encryptor(recipients, taken.extend, "")
    try:
        for piece in pieces:
            program.take(piece)
        program.finish()
    finally:
        program.stop()
    assert program.taken_bytes == sum(map(len, pieces))
    return bytes(taken)


def opened(path: Path, identity: Path | str, size_bytes: int = 0) -> bytes:
    """Decrypt as a restore does."""
    return b"".join(decrypted(str(path), pieces_of(str(path)), str(identity), "", size_bytes))


def refused(path: Path, identity: Path | str, size_bytes: int = 0) -> str:
    """What is said of a file that cannot be decrypted."""
    with pytest.raises(CloseoutError) as error:
        opened(path, identity, size_bytes)
    return str(error.value)


def children(name: str) -> list[str]:
    """The programs of that name that this process has."""
    done = subprocess.run(["pgrep", "-P", str(os.getpid()), "-x", name], capture_output=True, text=True, check=False)
    return done.stdout.split()


@settings(max_examples=8)
@given(st.lists(st.binary(max_size=3000), max_size=4))
def test_what_goes_in_comes_out(keys: Keys, tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("dump") / "dump.age"
    path.write_bytes(seal(pieces, keys.other_recipient, keys.recipient))
    assert is_encrypted(str(path))
    assert opened(path, keys.mine) == opened(path, keys.other) == b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_how_long_a_file_must_be_is_known(keys: Keys, size: int) -> None:
    """By age's own format: a file that lacks a piece, or has one more, is not what was encrypted."""
    sealed = len(seal([bytes(size)], keys.recipient))
    assert sizes_fit(sealed, size, 1) and not sizes_fit(sealed - PIECE - 16, size, 1)
    assert not sizes_fit(sealed, size + PIECE, 1) and not sizes_fit(sealed + PIECE, size, 1)


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_keys_of_ssh(tmp_path: Path, kind: str) -> None:
    recipient = age.new_ssh_key(tmp_path / "key", kind)
    assert recipient.endswith(" closeout of prod 1") and is_recipient(recipient)
    assert_recipients([recipient], "")
    assert_opens([recipient], str(tmp_path / "key"), "")
    (tmp_path / "dump").write_bytes(seal([TEXT], recipient))
    assert opened(tmp_path / "dump", tmp_path / "key") == TEXT


# ---- what is wrong with a file


def test_a_file_that_is_cut_off_is_told_from_one_that_was_changed(keys: Keys, tmp_path: Path) -> None:
    """At every place that matters; what came before is never more than the beginning of the text."""
    sealed = seal([TEXT], keys.recipient)
    header = sealed.index(b"\n--- ") + 1
    header = sealed.index(b"\n", header) + 1
    ends = [header + 16 + number * (PIECE + 16) for number in range(len(TEXT) // PIECE + 1)]
    path = tmp_path / "dump"
    cuts = [22, 23, 60, header - 1, header, header + 5, header + 16, header + 17, *ends, *(end + 1 for end in ends)]
    for cut in [*cuts, *(end - 1 for end in ends), len(sealed) - 1]:
        path.write_bytes(sealed[:cut])
        said = refused(path, keys.mine)
        assert "cut off" in said and "cannot be decrypted to its end" in said, (cut, said)
        assert f"it has {cut} bytes, {len(sealed)} were written: it was cut off" in refused(
            path, keys.mine, len(sealed)
        )
    for place in [header + 2, *(end + 7 for end in ends), *(end - 1 for end in ends[1:]), len(sealed) - 1]:
        path.write_bytes(sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :])
        assert "it was changed" in refused(path, keys.mine), place
        said = refused(path, keys.mine, len(sealed))
        assert "it was changed" in said and "cut off" not in said, (place, said)
    path.write_bytes(sealed + b"more")
    assert "it was added to" in refused(path, keys.mine, len(sealed))
    refused(path, keys.mine)
    path.write_bytes(sealed[:100] + b"\0" + sealed[101:])
    assert "header was changed" in refused(path, keys.mine) or "no identity matched" in refused(path, keys.mine)


def test_what_was_yielded_before_a_fault_is_the_beginning(keys: Keys, tmp_path: Path) -> None:
    sealed = seal([TEXT], keys.recipient)
    (tmp_path / "dump").write_bytes(sealed[: len(sealed) - 10])
    seen = bytearray()
    with pytest.raises(ProgramFailed, match="cannot be decrypted to its end"):
        for piece in decrypted(str(tmp_path / "dump"), pieces_of(str(tmp_path / "dump")), str(keys.mine), ""):
            seen += piece
    assert TEXT.startswith(bytes(seen)) and len(seen) < len(TEXT)


def test_a_header_that_was_changed(keys: Keys, tmp_path: Path) -> None:
    sealed = seal([TEXT], keys.recipient)
    mac = sealed.index(b"\n--- ") + 10
    other = b"A" if sealed[mac : mac + 1] != b"A" else b"B"
    (tmp_path / "dump").write_bytes(sealed[:mac] + other + sealed[mac + 1 :])
    assert "its header was changed" in refused(tmp_path / "dump", keys.mine)


def test_armour_is_not_ours(keys: Keys, tmp_path: Path) -> None:
    argv = ["age", "-a", "-r", keys.recipient]
    (tmp_path / "dump").write_bytes(subprocess.run(argv, input=TEXT, check=True, capture_output=True).stdout)
    for look in (DumpFile(str(tmp_path / "dump")).kind, DumpFile(str(tmp_path / "dump")).is_encrypted):
        with pytest.raises(CloseoutError, match="in its armour"):
            look()
    assert not is_encrypted(str(tmp_path))


# ---- what is wrong with a key


def test_an_identity_that_cannot_be_used_is_told(keys: Keys, tmp_path: Path) -> None:
    ssh = age.new_ssh_key(tmp_path / "closed", passphrase="a passphrase")
    age.new_ssh_key(tmp_path / "ecdsa", "ecdsa")
    nothing = tmp_path / "nothing"
    nothing.write_text("no key\n")
    nothing.chmod(0o600)
    readable = tmp_path / "readable"
    readable.write_bytes(keys.mine.read_bytes())
    readable.chmod(0o640)
    os.mkfifo(tmp_path / "pipe", 0o600)
    path = tmp_path / "dump"
    path.write_bytes(seal([TEXT], keys.recipient, ssh))
    for identity, told in (
        (keys.other, "does not open .*dump.*another key: no identity matched"),
        (tmp_path / "closed", "has a passphrase, and nobody is there to be asked"),
        (nothing, "cannot be used.*unknown identity type"),
        (tmp_path / "ecdsa", "cannot be used"),
        (tmp_path / "absent", "The identity file .*absent cannot be read.*No such file"),
        (readable, "is not private.*-rw-r-----.*chmod 0600"),
        (tmp_path / "pipe", "is not private"),
        ("", "is encrypted, and there is no identity that opens it"),
    ):
        said = refused(path, identity)
        assert re.search(told, said), said
        assert "cut off" not in said and "changed" not in said
    with pytest.raises(CloseoutError, match="does not open what closeout_age_recipients encrypt"):
        assert_opens([keys.recipient], str(keys.other), "")
    assert_opens([keys.recipient, keys.other_recipient], str(keys.other), "")


def test_a_recipient_that_age_does_not_take_is_named(keys: Keys) -> None:
    assert_recipients([], "")
    assert_recipients([keys.recipient, keys.other_recipient], "")
    wrong = keys.recipient[:-1] + ("q" if keys.recipient[-1] != "q" else "p")
    with pytest.raises(CloseoutError, match=f"age cannot encrypt to {wrong}.*malformed recipient"):
        assert_recipients([keys.recipient, wrong], "")
    for text in ("", "x", "-r", "age1", "ssh-ed25519", "ssh-ed25519 AAAA\nB", "ecdsa-sha2-nistp256 " + "A" * 60):
        assert not is_recipient(text)
        with pytest.raises(CloseoutError, match="age cannot encrypt to"):
            assert_recipients([text], "")


def test_a_private_key_in_the_place_of_a_public_one_is_not_shown(keys: Keys) -> None:
    secret = keys.mine.read_text().splitlines()[-1]
    assert secret.startswith("AGE-SECRET-KEY-1")
    with pytest.raises(CloseoutError) as error:
        assert_recipients([secret], "")
    assert secret not in str(error.value) and "which is not shown" in str(error.value)
    assert without_secret(keys.recipient) == keys.recipient


def test_a_program_that_is_missing_is_named(keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.match(r"v?\d", version())
    monkeypatch.setattr(_age, "HOST_PATH", str(tmp_path))
    # Whoever encrypts nothing needs no age.
    assert_recipients([], "")
    for use in (
        version,
        lambda: assert_recipients([keys.recipient], ""),
        lambda: encryptor([keys.recipient], print, ""),
    ):
        with pytest.raises(ProgramFailed, match="age is not installed.*Debian's package age"):
            use()
    (tmp_path / "age").write_text("#!/bin/sh\necho of another age\n")
    (tmp_path / "age").chmod(0o755)
    with pytest.raises(ProgramFailed, match="writes another format.*of another age"):
        assert_recipients([keys.recipient], "")
    (tmp_path / "age").write_text("not a program\n")
    with pytest.raises(ProgramFailed, match="cannot be used"):
        version()
    with pytest.raises(ProgramFailed, match="could not be started"):
        encryptor([keys.recipient], print, "")


# ---- the way of a dump into its file


def test_what_the_taker_raises_is_raised_where_the_stream_comes_from(keys: Keys) -> None:
    def full(piece: bytes) -> None:
        raise CloseoutError("the disk is full")

    last = encryptor([keys.recipient], full, "")
    first = Compressor("gzip", 1, last.take)
    with pytest.raises(CloseoutError, match="the disk is full"):
        for _turn in range(200):
            first.take(os.urandom(1 << 20))
    last.stop()
    first.stop()


@pytest.mark.parametrize("moment", ["while it takes", "at its end"])
def test_an_age_that_is_killed_is_an_error(keys: Keys, moment: str) -> None:
    program = encryptor([keys.recipient], lambda piece: None, "")
    program.take(TEXT)
    program._process.kill()
    program._process.wait()
    with pytest.raises(ProgramFailed, match="age failed.*killed by signal 9, as by the kernel where memory is short"):
        for _turn in range(100 if moment == "while it takes" else 0):
            program.take(TEXT)
        program.finish()
    program.stop()


def test_who_waits_for_it_is_let_go_by_stopping_it(keys: Keys) -> None:
    """A program that does not go on any more, and one before it that waits for it: both end."""
    last = encryptor([keys.recipient], lambda piece: None, "")
    first = Compressor("gzip", 1, last.take)
    last._process.send_signal(19)

    def feed() -> None:
        with pytest.raises((ProgramFailed, ValueError)):
            for _turn in range(1000):
                first.take(os.urandom(1 << 14))

    feeding = threading.Thread(target=feed, daemon=True)
    feeding.start()
    wait_until(lambda: first.taken_bytes > 1 << 16, 30, "bytes on their way")
    last.stop()
    first.stop()
    feeding.join(30)
    assert not feeding.is_alive() and not children("age") and not children("gzip")


# ---- the text in it


@pytest.mark.usefixtures("compressors")
@pytest.mark.parametrize("compression", ["none", "gzip", "zstd", "lz4"])
def test_a_text_is_read_forwards_wherever_it_lies(keys: Keys, tmp_path: Path, compression: str) -> None:
    taken = bytearray()
    program = encryptor([keys.recipient], taken.extend, "")
    first = program if compression == "none" else Compressor(compression, 0, program.take)
    first.take(TEXT)
    first.finish()
    if first is not program:
        program.finish()
    program.stop()
    first.stop()
    path = tmp_path / "dump"
    path.write_bytes(taken)
    dump = DumpFile(str(path), identity_file=str(keys.mine))
    assert dump.is_encrypted() and dump.kind() == compression
    assert b"".join(dump.text()) == TEXT
    with dump.open_text() as text:
        assert text.read(10) == TEXT[:10]
        text.skip_to(300_000)
        assert text.read(5) == TEXT[300_000:300_005]
        with pytest.raises(CloseoutError, match="beyond"):
            text.skip_to(5)
    assert not children("age")
    # Nothing that was read before a fault counts, and the fault is age's to tell, whatever comes after it.
    path.write_bytes(taken[:-20])
    with pytest.raises(ProgramFailed, match="cannot be decrypted to its end.*cut off"):
        for _piece in dump.text():
            pass
    path.write_bytes(taken)
    for look in (DumpFile(str(path)).kind, DumpFile(str(path)).assert_openable):
        with pytest.raises(CloseoutError, match="no identity that opens it"):
            look()
    with pytest.raises(CloseoutError, match=f"{len(taken) + 1} were written: it was cut off"):
        DumpFile(str(path), identity_file=str(keys.mine), size_bytes=len(taken) + 1).assert_openable()
    DumpFile(str(path), identity_file=str(keys.mine), size_bytes=len(taken)).assert_openable()
    assert not children("age")


def test_an_encrypted_archive_is_one(keys: Keys, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(seal([b"PGDMP" + bytes(200_000)], keys.recipient))
    dump = DumpFile(str(path), identity_file=str(keys.mine))
    assert dump.kind() == "custom"
    with pytest.raises(CloseoutError, match="is an archive of pg_dump's custom format"):
        next(dump.text())
    assert not children("age")
