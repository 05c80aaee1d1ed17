# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo says while it works, and the errors that end it."""

from __future__ import annotations

import signal


class DemoError(Exception):
    """The demo cannot go on; the text says why and what to do."""


class Interrupted(Exception):
    """A signal asked for the end; carries its number."""

    def __init__(self, number: int) -> None:
        """Keep the number, for the exit code."""
        super().__init__(signal.Signals(number).name)
        self.number = number


def say(text: str) -> None:
    """Print one line of progress at once."""
    print(f"demo: {text}", flush=True)
