"""Offsets between clocks over time, drawn: a lane for each two clocks.

A band is where the offset can be; a band with a line on one edge alone is open to the other side.
Pairs that the others exclude are crosses, so shape tells them as well as colour.
"""

from __future__ import annotations

from datetime import UTC
from itertools import groupby
from typing import TYPE_CHECKING

from recon.readings import TRUE_TIME
from recon.text import one_line
from recon.time.words import signed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from recon.time.clocks import Clocks, Dissent
    from recon.time.stretches import Stretch

_LANES = 24
"""Lanes that one figure holds; the rest is in the table."""
_DAY = 86_400_000_000
_LEAST_WIDTH = 0.004
"""Of the whole time: a stretch of one moment is drawn that wide."""
_FACES = {"measured": "#1b6ca8", "bounded": "#7a7a7a", "at most": "#c98a1b", "at least": "#c98a1b"}


def draw(found: Clocks, path: Path) -> None:
    """Write the figure; SVG or PNG by the name. The same clocks give the same SVG."""
    import warnings

    from matplotlib import rc_context
    from matplotlib.figure import Figure

    lanes = [
        (key, list(own))
        for key, own in groupby(found.stretches, lambda one: (one.first, one.second))
    ]
    order = list(_FACES)
    lanes.sort(
        key=lambda lane: (TRUE_TIME not in lane[0], min(order.index(one.state) for one in lane[1]))
    )
    shown = lanes[:_LANES]
    # A letter that the font has not is drawn as a box, and needs no word about it.
    with (
        warnings.catch_warnings(action="ignore", category=UserWarning),
        rc_context({"svg.hashsalt": "recon", "text.parse_math": False}),
    ):
        figure = Figure(figsize=(10, 0.9 + 0.95 * max(len(shown), 1)), layout="constrained")
        axes = figure.subplots(max(len(shown), 1), 1, sharex=True, squeeze=False)[:, 0]
        begin = min((one.since for one in found.stretches), default=0)
        end = max((one.until for one in found.stretches), default=_DAY)
        for axis, ((first, second), own) in zip(axes, shown, strict=False):
            told = [one for one in found.dissent if (one.first, one.second) == (first, second)]
            _lane(axis, own, told, max(end - begin, 1))
            axis.set_title(
                f"{one_line(second, 60)} − {one_line(first, 60)}", fontsize=8, loc="left", pad=3
            )
        if not shown:
            axes[0].text(0.5, 0.5, "no two clocks are bounded", ha="center", va="center")
        _time(axes[-1])
        left = len(lanes) - len(shown)
        loose = sum(not own for own in found.ahead.values())
        figure.suptitle(
            "Offset between clocks (second − first): blue measured, grey bounded, "
            "ochre bounded on one side alone, × excluded by the others"
            + f"; {left} lanes more in the table" * bool(left)
            + f"\n{loose} of {len(found.ahead)} clocks are not bound to UTC",
            fontsize=8,
        )
        stamp = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=stamp)


def _lane(axis: Axes, own: Sequence[Stretch], told: Sequence[Dissent], whole: int) -> None:
    """Bands as one collection, dissenters as one collection of points."""
    from matplotlib.collections import LineCollection, PolyCollection

    bounds = [bound for one in own for bound in (one.low, one.high) if bound is not None]
    least, most = min(bounds, default=0), max(bounds, default=0)
    room = max((most - least) // 3, 1_000)
    bottom, top = least - room, most + room
    # One that is far out would flatten the bands: it stands at the edge, with its number.
    said = [min(max(_middle(one), least - room // 2), most + room // 2) for one in told]
    corners, faces, edges, colours = [], [], [], []
    for one in own:
        left, right = _day(one.since), _day(max(one.until, one.since + int(_LEAST_WIDTH * whole)))
        low = bottom if one.low is None else one.low
        high = top if one.high is None else one.high
        corners.append([(left, low), (left, high), (right, high), (right, low)])
        faces.append(_FACES[one.state])
        for bound in (one.low, one.high):
            if bound is not None:
                edges.append([(left, bound), (right, bound)])
                colours.append(_FACES[one.state])
    axis.add_collection(PolyCollection(corners, facecolors=faces, alpha=0.25, linewidths=0))
    axis.add_collection(LineCollection(edges, colors=colours, linewidths=1.4))
    axis.scatter(
        [_day(one.at) for one in told],
        said,
        marker="x",
        s=28,
        c="#b3261e",
        linewidths=1.4,
        clip_on=False,
    )
    for dissent, place in zip(told, said, strict=True):
        if _middle(dissent) != place:
            text = signed(_middle(dissent))
            at = (_day(dissent.at), place)
            axis.annotate(text, at, (6, -2), textcoords="offset points", fontsize=6.5)
    axis.set_ylim(bottom, top)
    axis.set_yticks([least, most] if most - least > room else [most])
    axis.yaxis.set_major_formatter(lambda value, _: signed(round(value)))
    axis.tick_params(labelsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    axis.autoscale_view(scaley=False)


def _middle(one: Dissent) -> int:
    both = [bound for bound in (one.low, one.high) if bound is not None]
    return sum(both) // max(len(both), 1)


def _day(micros: int) -> float:
    # matplotlib's dates are days since 1970, from the year 1 to 9999.
    return min(max(micros / _DAY, -719_000.0), 2_932_000.0)


def _time(axis: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(tz=UTC)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    form = ConciseDateFormatter(locator, tz=UTC)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_formatter(form)
    axis.xaxis.get_offset_text().set_fontsize(7)
    axis.set_xlabel("reading of the first clock (UTC)", fontsize=7)
