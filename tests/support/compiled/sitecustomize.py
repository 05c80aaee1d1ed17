"""On PYTHONPATH of the programs that tests start: what a Python compiled from a zip archive once is kept for the next.

Every task of Ansible compiles the same 150 files from its archive anew, a fourth of a closeout's processor time. The
code is the same, since it is kept by a digest of its source; what users run, and what is measured, has nothing of this.
Loaded by site before anything else, so it imports next to nothing.
"""

from __future__ import annotations

import _imp
import contextlib
import marshal
import os
import sys
import zipimport
from types import CodeType

_DIRECTORY = os.environ.get("CLOSEOUT_TESTS_COMPILED", "")
_compile = zipimport._compile_source  # type: ignore[attr-defined]


def _compiled_once(path: str, source: bytes) -> CodeType:
    """As zipimport's own: the code of a member of an archive, from its source."""
    member = path.rpartition(".zip/")[2]
    words = f"{sys.implementation.cache_tag} {sys.flags.optimize} {member}\n"
    kept = os.path.join(_DIRECTORY, _imp.source_hash(len(source), words.encode() + source).hex())
    with contextlib.suppress(OSError), open(kept, "rb") as file:
        code: CodeType = marshal.loads(file.read())  # noqa: S302 - it is our own
        return code
    code = _compile(path, source)
    with contextlib.suppress(OSError):
        with open(f"{kept}.{os.getpid()}", "xb") as new:
            new.write(marshal.dumps(code))
        os.replace(new.name, kept)
    return code


if _DIRECTORY:
    zipimport._compile_source = _compiled_once  # type: ignore[attr-defined]
