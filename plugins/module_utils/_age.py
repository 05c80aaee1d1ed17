# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: a dump that is encrypted by age: to recipients, who are public keys, and back by an
identity, which is a private one.

The program does both; here is how it is called, and what its words mean. Its messages are those of versions 1.0 to 1.2.
Source: age(1); the format is https://age-encryption.org/v1: a header, 16 bytes, and then pieces of 64 kB, each with 16
bytes that authenticate it, the last one in another way than those before it.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable, Sequence

from ._errors import CloseoutError, ProgramFailed
from ._files import assert_private, open_regular
from ._filter_program import FilterProgram
from ._labels import RUN_VARIABLE
from ._printable import printable
from ._program_host import HOST_PATH, HostProgram

MAGIC = b"age-encryption.org/v1\n"
SUFFIX = ".age"
PROGRAM = "age"

_ARMOUR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_RECIPIENT = re.compile(
    r"age1[0-9a-z-]{8,4000}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]{16,8000}(?: [^\x00-\x1f\x7f]{1,200})?"
)
_SECRET = re.compile(r"AGE-(?:SECRET-KEY|PLUGIN)-|PRIVATE KEY", re.IGNORECASE)
_PIECE_BYTES, _TAG_BYTES, _NONCE_BYTES = 65536, 16, 16
_LEAST_HEADER_BYTES = len(MAGIC) + 48
_MOST_STANZA_BYTES = 4096
_MOST_HEADER_BYTES = 1 << 20
_END_OF_HEADER = re.compile(rb"(?:^|\n)--- [^\n]*\n")
_SAID = re.compile(r"^age: error: (.*)$", re.MULTILINE)
_CUT, _CHANGED = "cut off", "it was changed"
_MAX_SAID = 300
_MAX_VERSION = 60
# One that asks somebody, or a plugin that does, is given up.
_MAX_S = 60


def is_recipient(text: str) -> bool:
    """Tell whether ``text`` has the form of a recipient: an age one, or a public key of OpenSSH, Ed25519 or RSA."""
    return _RECIPIENT.fullmatch(text) is not None


def without_secret(text: str) -> str:
    """Return what was given for a recipient, unless it is, or may be, a private key: that is not to be shown."""
    return "a private key, which is not shown: take it for known and make another" if _SECRET.search(text) else text


def is_encrypted(path: str) -> bool:
    """Tell by its first bytes whether a file is encrypted by age; a directory is not. Raises CloseoutError where it
    cannot be read, and for one in age's armour, which is none of ours.
    """
    if os.path.isdir(path):
        return False
    with open_regular(path) as file:
        beginning = file.read(max(len(MAGIC), len(_ARMOUR)))
    if beginning.startswith(_ARMOUR):
        raise CloseoutError(
            f"{path} is encrypted by age in its armour, which is text",
            wanted="a binary file of age, as a closeout writes it",
            found="an armoured one",
            do="make a binary one of it: age -d -i IDENTITY FILE | age -r RECIPIENT > NEW_FILE",
        )
    return beginning.startswith(MAGIC)


def sizes_fit(size_bytes: int, clear_bytes: int, recipients: int) -> bool:
    """Tell whether a file of that size can be what ``clear_bytes`` are when they are encrypted to so many recipients:
    a file that lacks as much as one piece cannot.
    """
    header = size_bytes - _sealed_bytes(clear_bytes)
    return _LEAST_HEADER_BYTES < header <= _LEAST_HEADER_BYTES + _MOST_STANZA_BYTES * (recipients + 1)


def _sealed_bytes(clear_bytes: int) -> int:
    pieces = max(1, -(-clear_bytes // _PIECE_BYTES))
    return _NONCE_BYTES + clear_bytes + _TAG_BYTES * pieces


def version() -> str:
    """Return the version of the host's age as it says it. Raises ProgramFailed where there is none."""
    done = _run([_program(), "--version"], b"", "")
    return printable(done.stdout.decode("utf-8", "replace").strip())[:_MAX_VERSION]


def assert_recipients(recipients: Sequence[str], run_id: str) -> None:
    """See that each can be encrypted to, by doing it: nothing, and what comes out is thrown away.

    Raises CloseoutError with the first that cannot. Without any recipient nothing is asked of this host.
    """
    if not recipients:
        return
    program = _program()
    for recipient in recipients:
        if not is_recipient(recipient):
            raise _bad_recipient(without_secret(recipient), "")
        done = _run([program, "-r", recipient], b"", run_id)
        if done.returncode != 0:
            raise _bad_recipient(recipient, _said(done.stderr))
        if not done.stdout.startswith(MAGIC):
            raise ProgramFailed(
                f"The program {PROGRAM} writes another format",
                wanted=f"age of version 1.0 or later, whose files begin with {MAGIC.decode('ascii').strip()}",
                found=version() or "a program that tells no version",
                do="install Debian's package age",
            )


def assert_opens(recipients: Sequence[str], identity_file: str, run_id: str) -> None:
    """See that the identity opens what these recipients encrypt, by doing it. Raises CloseoutError."""
    _assert_identity(identity_file)
    program, word = _program(), secrets.token_bytes(16)
    sealed = _run([program, *_to(recipients)], word, run_id)
    if sealed.returncode != 0:
        raise _bad_recipient(", ".join(recipients), _said(sealed.stderr))
    opened = _run([program, "-d", "-i", identity_file], sealed.stdout, run_id)
    if opened.returncode != 0:
        said = _said(opened.stderr)
        raise _explained(opened.returncode, said, identity_file, "what closeout_age_recipients encrypt", "")
    if opened.stdout != word:
        raise ProgramFailed(f"{PROGRAM} does not decrypt what it has encrypted")


def encryptor(recipients: Sequence[str], taker: Callable[[bytes], object], run_id: str) -> FilterProgram:
    """Return what encrypts a stream on its way to ``taker``. Raises CloseoutError."""
    return FilterProgram([_program(), *_to(recipients)], taker, run_id)


def assert_size(path: str, size_bytes: int) -> None:
    """Raise CloseoutError unless the encrypted file ``path`` has the size that it was written with: else nothing but
    its very end would tell.
    """
    other = _other_size(os.stat(path).st_size, size_bytes)
    if other:
        raise _damaged(path, other)


def assert_identity_for(path: str, identity_file: str) -> None:
    """Raise CloseoutError unless there is an identity for the encrypted file ``path``, in a private file."""
    if not identity_file:
        raise CloseoutError(
            f"{path} is encrypted, and there is no identity that opens it",
            wanted="the file of an identity of one of its recipients (closeout_age_identity_file, age_identity_file)",
            found="none",
            do="give it; or, where no identity may be on this host, verify the artefact on a host that has one",
        )
    _assert_identity(identity_file)


def decrypted(
    path: str, pieces: Iterable[bytes], identity_file: str, run_id: str, size_bytes: int = 0
) -> Generator[bytes, None, None]:
    """Yield what is in an encrypted file whose ``pieces`` these are; ``path`` is where it lies, ``size_bytes`` the size
    that it was written with, 0 where that is not known.

    Each piece is authentic when it is yielded, but only the end says that nothing is missing: what was yielded must
    not be relied on before. Raises CloseoutError that says what is wrong: the key, the end, or the middle.
    """
    assert_identity_for(path, identity_file)
    program = HostProgram([_program(), "-d", "-i", identity_file], {RUN_VARIABLE: run_id}, pieces)
    done_bytes = 0
    try:
        for piece in program.output():
            done_bytes += len(piece)
            yield piece
        code = program.finish()
    except BaseException:
        program.stop()
        raise
    if code != 0:
        said = _said(program.messages)
        raise _explained(code, said, identity_file, path, _where(path, done_bytes, size_bytes, said))


def _program() -> str:
    found = shutil.which(PROGRAM, path=HOST_PATH)
    if found is None:
        raise ProgramFailed(
            f"The program {PROGRAM} is not installed on the target",
            wanted=f"{PROGRAM} in {HOST_PATH}",
            found="none",
            do="install Debian's package age, or empty closeout_age_recipients",
        )
    return found


def _to(recipients: Sequence[str]) -> list[str]:
    return [word for recipient in recipients for word in ("-r", recipient)]


def _run(argv: list[str], given: bytes, run_id: str) -> subprocess.CompletedProcess[bytes]:
    try:
        # run_command adds to our own environment, and has no time limit; this one is made of nothing.
        return subprocess.run(  # pylint: disable=ansible-bad-function
            argv,
            env={"PATH": HOST_PATH, "LC_ALL": "C", RUN_VARIABLE: run_id},
            input=given,
            capture_output=True,
            cwd="/",
            # Without a terminal there is nobody to ask for a passphrase.
            start_new_session=True,
            timeout=_MAX_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramFailed(f"{argv[0]} cannot be used", wanted=f"an answer in {_MAX_S} s", found=str(error)) from error


def _assert_identity(identity_file: str) -> None:
    wanted = "identities of age, or a private key of OpenSSH,"
    assert_private(identity_file, "identity file", wanted=wanted, setting="closeout_age_identity_file")


def _said(messages: bytes | str) -> str:
    """Return age's own sentence: its messages have the address of its issues besides."""
    text = messages if isinstance(messages, str) else messages.decode("utf-8", "replace")
    return (" ".join(_SAID.findall(text)) or " ".join(text.split()) or "no message")[:_MAX_SAID]


def _bad_recipient(recipient: str, said: str) -> CloseoutError:
    return CloseoutError(
        f"{PROGRAM} cannot encrypt to {recipient[:100]}",
        wanted="recipients of age (age1…), or public keys of OpenSSH (ssh-ed25519 …, ssh-rsa …)",
        found=said or "something else",
        do="correct closeout_age_recipients",
    )


def _explained(code: int, said: str, identity_file: str, what: str, where: str) -> CloseoutError:
    """Return the error that says why age could not decrypt ``what``; ``where`` says what is wrong with a damaged file,
    "" where it is none.
    """
    if "no identity matched" in said:
        return CloseoutError(
            f"The identity in {identity_file} does not open {what}",
            wanted="an identity of one of the recipients",
            found=f"another key: {said}",
            do="correct closeout_age_identity_file",
        )
    if "passphrase" in said:
        return CloseoutError(
            f"The identity in {identity_file} has a passphrase, and nobody is there to be asked",
            wanted="an identity without a passphrase",
            found=said,
            do="take one of its own for closeouts, which only the user of the task can read",
        )
    if said.startswith("reading "):
        return CloseoutError(
            f"The identity in {identity_file} cannot be used",
            wanted="identities of age, or a private key of OpenSSH, Ed25519 or RSA",
            found=said,
            do="correct closeout_age_identity_file",
        )
    if code < 0 or not where:
        return ProgramFailed(f"{PROGRAM} failed", wanted="return code 0", found=f"return code {code}: {said}")
    return _damaged(what, f"{where}; {PROGRAM} says: {said}")


def _damaged(path: str, found: str) -> CloseoutError:
    return ProgramFailed(
        f"{path} cannot be decrypted to its end",
        wanted="the file as it was encrypted",
        found=found,
        do="do not use it as a backup",
    )


def _other_size(found: int, size_bytes: int) -> str:
    if found == size_bytes:
        return ""
    return f"it has {found} bytes, {size_bytes} were written: it was {_CUT if found < size_bytes else 'added to'}"


def _where(path: str, done_bytes: int, size_bytes: int, said: str) -> str:
    """Return what is wrong with a file of which age decrypted ``done_bytes``: it was cut off, or changed.

    age says the same of both. It stops at the first piece that is not authentic. Where more follows, that was changed;
    where nothing follows, the file ends too early; and where it is the last one, only the file's size can tell.
    """
    with open_regular(path) as file:
        found = os.fstat(file.fileno()).st_size
        header = _END_OF_HEADER.search(file.read(_MOST_HEADER_BYTES))
    if size_bytes:
        other = _other_size(found, size_bytes)
        return other or f"after {done_bytes} bytes of text it is not authentic, and it has all of its bytes: {_CHANGED}"
    if header is None:
        return f"it is {_CUT} in its header, or {_CHANGED} there"
    if "header" in said:
        return f"its header {_CHANGED.removeprefix('it ')}"
    rest = found - header.end() - _NONCE_BYTES - done_bytes // _PIECE_BYTES * (_PIECE_BYTES + _TAG_BYTES)
    if rest <= 0:
        return f"it is {_CUT}: it ends after {done_bytes} bytes of text, where more must follow"
    if rest <= _PIECE_BYTES + _TAG_BYTES:
        return f"it is {_CUT}, or {_CHANGED} in the last {rest} of its {found} bytes"
    return f"after {done_bytes} bytes of text it is not authentic, and more follows: {_CHANGED}"
