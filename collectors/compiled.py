"""Loops over bytes, compiled by numba: for what no column operation can do.

Each is of one declared signature: of numbers, and arrays of numbers. None takes memory of its own:
who calls gives the arrays to be filled. So each is compiled once, and quickly. The machine code is
kept beside the source, or in the user's cache folder where that is read-only (``NUMBA_CACHE_DIR``
names another), under a hash of the sources: it never outlives a change. Where nothing can be
written it is compiled anew in each process.

``python -m collectors.compiled`` compiles what collectors share. Import this, and what uses it,
only where there is much to read: it takes a third of a second.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba import config
from numba.core import event
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)
from numba.core.registry import CPUDispatcher, cpu_target

_Function = TypeVar("_Function", bound=Callable[..., object])

MODULES = ("collectors.shapeloops",)
"""What collectors share that has such loops."""

INT, NUMBER, FLAG = numba.int64, numba.uint64, numba.boolean
BYTES, SHORTS, HALVES = numba.uint8[::1], numba.uint16[::1], numba.uint32[::1]
INTS, NUMBERS, FLAGS = numba.int64[::1], numba.uint64[::1], numba.boolean[::1]
BYTE_ROWS, HALF_ROWS = numba.uint8[:, ::1], numba.uint32[:, ::1]
READ = numba.types.Array(numba.uint8, 1, "C", readonly=True)
WORDS = numba.types.Array(numba.uint64, 1, "A", readonly=True, aligned=False)
INT_ROWS, NUMBER_ROWS, FLAG_ROWS = numba.int64[:, ::1], numba.uint64[:, ::1], numba.boolean[:, ::1]
TWO, THREE, FOUR = (numba.types.UniTuple(INT, count) for count in (2, 3, 4))
"""For signatures: ``INT(BYTES, INT)`` takes bytes and a number and returns a number."""

_OPTIONS = {"nopython": True, "error_model": "numpy", "_nrt": False, "no_cfunc_wrapper": True}
# Compiling is a third cheaper than at numba's own level, 3.
config.OPT = type(config.OPT)(1)
_all: list[_Compiled] = []


class _Compiled(CPUDispatcher):
    """Compiled when first called, for the declared signature alone."""

    def __init__(self, function: Callable[..., object], signature: Any, *, part: bool) -> None:
        super().__init__(function, targetoptions=_OPTIONS | {"no_cpython_wrapper": part})
        self.part, self._declared = part, signature
        if not part:
            # Parts are in the machine code of what calls them.
            with suppress(RuntimeError):  # no folder to keep it in
                self._cache = _Cache(function)

    def made(self) -> None:
        """Compile it, or take it from the cache."""
        if self._can_compile:
            self.compile(self._declared)
            self.disable_compile()

    def get_call_template(self, args: Any, kws: Any) -> Any:
        self.made()
        return super().get_call_template(args, kws)

    def _compile_for_args(self, *_args: Any, **_kws: Any) -> Any:
        self.made()
        # What is called now with the arguments: they must be of the declared types.
        return self


def compiled(signature: Any, *, part: bool = False) -> Callable[[_Function], _Function]:
    """The same function, as machine code; a ``part`` is called by others alone."""

    def made(function: _Function) -> _Function:
        found = _Compiled(function, signature, part=part)
        _all.append(found)
        return cast("_Function", found)

    return made


@cache
def has_feature(name: str) -> bool:
    """Whether machine code may use what a processor need not have, by LLVM's name for it.

    Of the processor here, or of the one that ``NUMBA_CPU_NAME`` or ``NUMBA_CPU_FEATURES`` tells.
    """
    kind, _, features = cpu_target.target_context.codegen().magic_tuple()
    # Names may be shared by kinds of processors.
    return kind.startswith("x86") and f"+{name}" in features.split(",")


_families: dict[Path, tuple[Path, ...]] = {}


def together(folder: Path, files: Sequence[Path]) -> None:
    """Sources of a folder of which each may have another's code in its own."""
    _families[folder] = tuple(files)


@cache
def _stamp(source: Path) -> bytes:
    """Of all sources whose code may stand in the machine code of one."""
    family = next((files for at, files in _families.items() if at in source.parents), (source,))
    files = (path.read_bytes() for path in (Path(__file__), *family))
    return hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data in files)).digest()


class _Stamped:
    _py_file: str

    def get_source_stamp(self) -> bytes:
        return _stamp(Path(self._py_file))


class _Named(_Stamped, UserProvidedCacheLocator):
    """In the folder that ``NUMBA_CACHE_DIR`` names."""


class _Beside(_Stamped, InTreeCacheLocator):
    """Beside the source."""


class _OfUser(_Stamped, UserWideCacheLocator):
    """In the user's cache folder."""


class _Impl(CompileResultCacheImpl):
    _locator_classes = (_Named, _Beside, _OfUser)


class _Cache(FunctionCache):
    _impl_class = _Impl


class _Saying(event.Listener):
    """Says once that something is compiled, so that nobody wonders at the time it takes."""

    said = False

    def on_start(self, event: Any) -> None:
        one = event.data["dispatcher"]
        if not self.said and isinstance(one, _Compiled):
            self.said = True
            what = "WAL" if ".postgres." in one.py_func.__module__ else "logs"
            sys.stderr.write(f"recon: compiling loops for {what}, once\n")

    def on_end(self, event: Any) -> None:
        pass


event.register("numba:compile", _Saying())


def main(name: str = "collectors.compiled", modules: Sequence[str] = MODULES) -> None:
    """Compile all there are."""
    # Run as a program a module is another than the one that the others import.
    for one in modules:
        import_module(one)
    import_module(name).make()


def make() -> None:
    """Compile what was declared so far."""
    for one in _all:
        if not one.part:
            one.made()


if __name__ == "__main__":
    main()
