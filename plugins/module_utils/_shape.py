# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: whether a JSON document that lay about for years still has the shape that is relied on.

A shape is a test of one value, a mapping of the names that must be there to shapes, or a list with the one shape of its
elements. What else is in a mapping is of no interest: a later version may have written it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple, Union

from ._errors import CloseoutError
from ._outcome import is_count


class Leaf(NamedTuple):
    """A value that ``test`` takes; ``wanted`` says what that is."""

    wanted: str
    test: Callable[[Any], bool]


class Each(NamedTuple):
    """A mapping of any names to values of one shape."""

    of: Any


class OrNull(NamedTuple):
    """A value of that shape, or null."""

    of: Any


Shape = Union[Leaf, Each, OrNull, "dict[str, Any]", "list[Any]"]

TEXT = Leaf("a text", lambda value: isinstance(value, str))
COUNT = Leaf("a number that was counted", is_count)
BOOLEAN = Leaf("true or false", lambda value: isinstance(value, bool))
SHA256 = Leaf("a sha256", lambda value: isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None)


def one_of(*words: str) -> Leaf:
    """Return the test for one of these words."""
    return Leaf(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def assert_shape(value: Any, shape: Shape, where: str = "it") -> None:
    """Raise ValueError, which names the place, unless ``value`` has that shape."""
    if isinstance(shape, OrNull):
        if value is not None:
            assert_shape(value, shape.of, where)
    elif isinstance(shape, Leaf):
        if not shape.test(value):
            raise ValueError(f"{where} is not {shape.wanted}")
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise ValueError(f"{where} is not a list")
        for number, one in enumerate(value):
            assert_shape(one, shape[0], f"{where}[{number}]")
    else:
        if not isinstance(value, dict):
            raise ValueError(f"{where} is not a mapping")
        if isinstance(shape, Each):
            for name, one in value.items():
                assert_shape(one, shape.of, f"{where}[{name!r}]"[:200])
            return
        for name, inner in shape.items():
            if name not in value:
                raise ValueError(f"{where} has no {name}")
            assert_shape(value[name], inner, name if where == "it" else f"{where}.{name}")


def read_document(content: bytes, schema: str, shape: Shape, *, what: str, do: str) -> dict[str, Any]:
    """Read a JSON document of ``schema`` and of that shape. Raises CloseoutError, which names it as ``what``."""
    try:
        document = json.loads(content)
        found = document.get("schema") if isinstance(document, dict) else None
        if found != schema:
            raise ValueError(f"schema {found!r}"[:200])
        assert_shape(document, shape)
    # Nested too deep, or a number too long to be one.
    except (ValueError, RecursionError) as error:
        raise CloseoutError(
            f"{what} cannot be read",
            wanted=f"a whole JSON document with schema {schema}",
            found=str(error) or type(error).__name__,
            do=do,
        ) from error
    return dict(document)
