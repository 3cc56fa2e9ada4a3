"""One live acquisition: what its steps share, and work on several things beside each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.s3.options import S3Options
    from collectors.s3.wire import Answer, Wire
    from recon.collector import Acquisition, Item
    from recon.errors import ReconError

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Run:
    """What every step needs."""

    acquisition: Acquisition
    wire: Wire
    options: S3Options
    listing: str
    """When the plan was made: names this listing among those of other acquisitions."""
    lock: Lock = field(default_factory=Lock)
    """For counters of a step."""

    @property
    def where(self) -> str:
        """The prefix of the case, as a URL."""
        return f"s3://{self.options.bucket}/{quote(self.options.prefix)}"

    def version(self, key: str, version: str) -> str:
        """A version, as a URL."""
        return f"s3://{self.options.bucket}/{quote(key)}?versionId={quote(version, safe='')}"

    def ask(self, command: str, parameters: Mapping[str, Any], *, refuse: bool = False) -> Answer:
        """A call of ``aws s3api COMMAND``, in the custody log whatever comes of it.

        Raises:
            UnreachableError: as :meth:`Wire.ask`; with ``refuse`` also for an answer that refuses.
        """
        with self.call(command, parameters) as said:
            answer = self.wire.ask(command.replace("-", "_"), parameters)
            said.update(answer.about())
            if refuse and not answer.ok:
                raise self.wire.refused(answer)
        return answer

    def call(
        self, command: str, parameters: Mapping[str, Any]
    ) -> AbstractContextManager[dict[str, Any]]:
        """As the AWS CLI names it; parameters as JSON, so that no key can forge one."""
        return self.acquisition.call(f"s3api {command} {json.dumps(parameters, ensure_ascii=True)}")

    def item(self, native: str) -> Item | None:
        """What this acquisition stored before it was interrupted."""
        return self.acquisition.item(native)

    def store(
        self, native: str, kind: str, data: bytes | Iterable[bytes], meta: Mapping[str, Any]
    ) -> Item:
        """An item with what the answer said beside its bytes."""
        return self.acquisition.store(native, kind, data, meta=meta)

    def failed(self, native: str, error: ReconError) -> None:
        """One part that could not be had; the rest goes on."""
        self.acquisition.failed(native, error)

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Tell whoever watches how far it is."""
        self.acquisition.progress(what, done, total)

    def each(self, work: Callable[[_T], _R], tasks: Iterable[_T]) -> list[_R]:
        """The work on every task, ``parallel`` at a time; results in the order of the tasks.

        The first exception ends it: tasks that have not begun are dropped, others are waited for.
        """
        if self.options.parallel == 1:
            return [work(task) for task in tasks]
        pool = ThreadPoolExecutor(self.options.parallel)
        try:
            futures = [pool.submit(work, task) for task in tasks]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            broken = [future for future in done if future.exception() is not None]
            return [future.result() for future in (broken or futures)]
        finally:
            pool.shutdown(cancel_futures=True)
