# Copyright (c) 2026 The incomex.closeout authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Private to incomex.closeout: two long streams, read side by side."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

_Item = TypeVar("_Item")


def side_by_side(
    ones: Iterable[_Item], others: Iterable[_Item], key: Callable[[_Item], Any]
) -> Iterator[tuple[list[_Item], list[_Item]]]:
    """Yield what has the same key in both streams, which are in the order of that key. One list may be empty."""
    both = heapq.merge(((key(one), 0, one) for one in ones), ((key(one), 1, one) for one in others), key=itemgetter(0))
    for _key, group in groupby(both, key=itemgetter(0)):
        pair: tuple[list[_Item], list[_Item]] = [], []
        for _same, side, item in group:
            pair[side].append(item)
        yield pair
