"""What a Docker daemon says while a run goes on: its events, and how it inspects the scratch container and execs."""

from __future__ import annotations

import contextlib
import json
import threading
from types import TracebackType
from typing import Any

import docker
import docker.errors

from tests.support import session

_END = f"closeout-watching-{session.ID}"


class Watching:
    """Listens to the daemon for the time of the block; complete once the block has ended."""

    def __init__(self, url: str, label: str) -> None:
        """Prepare; `with` begins. `label` is a scratch container's."""
        self._label = label
        self.events: list[dict[str, Any]] = []
        self.execs: list[dict[str, Any]] = []
        self.scratch: list[dict[str, Any]] = []
        self._client = docker.DockerClient(base_url=url, timeout=60)
        self._other = docker.DockerClient(base_url=url, timeout=60)
        self._stream = self._client.events(decode=True)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Watching:
        """Begin: the daemon answers at once, so that no event is missed."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End with an event of our own, after all others."""
        self._other.volumes.create(_END).remove()
        self._thread.join(30)
        assert not self._thread.is_alive()
        self._client.close()
        self._other.close()

    def everything(self) -> str:
        """All that the daemon said, as text."""
        return json.dumps([self.events, self.execs, self.scratch])

    def _listen(self) -> None:
        for event in self._stream:
            self.events.append(event)
            attributes = event.get("Actor", {}).get("Attributes", {})
            if event.get("Type") == "volume" and event["Actor"]["ID"] == _END and event["Action"] == "destroy":
                return
            # It may be over before it can be looked at.
            with contextlib.suppress(docker.errors.NotFound):
                if str(event.get("Action", "")).startswith("exec_start"):
                    self.execs.append(self._other.api.exec_inspect(attributes["execID"]))
                if event.get("Action") == "start" and self._label in attributes:
                    self.scratch.append(self._other.api.inspect_container(event["Actor"]["ID"]))
