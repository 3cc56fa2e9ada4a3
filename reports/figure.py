"""The timeline as a figure: a lane per source, intervals drawn as intervals.

Needs a frame of events and the ones to point at; nothing of the case. One collection a lane for
the events that are context, so that 4 lanes of 5,000 events take well under a second.
The same input gives the same SVG bytes.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.instants import show_span
from reports.spans import US, Mark, close_ups, ends, span, ticks, us

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_INK, _QUIET, _HAIR, _NAVY, _AMBER = "#16202c", "#56616e", "#c9ced6", "#1d3f66", "#8a4b08"
_CONTEXT = "#9aa7b5"
_STYLE = {
    "svg.hashsalt": "recon",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.unicode_minus": True,
    "path.simplify": False,
    # A name with two dollar signs is a name, not a formula.
    "text.parse_math": False,
}
_WIDTH_IN = 6.5
_LANE_IN = 0.42
_HEIGHT_IN = 7.6
# Above a panel its title, below it the axis; below all the legend.
_PANEL_IN, _TITLE_IN, _LEGEND_IN = 0.62, 0.28, 0.22
_NAME_LIMIT = 18
_CELLS = 700
# Of the panel's width: 7.6 pt bold DejaVu Sans takes about 5.3 of its 384 pt, less for a comma.
_CHARACTER = 0.012
# Lanes' heights above the first lane: room for its labels, and for "asked about" over them.
_ABOVE, _ABOVE_ASKED = 0.62, 0.86


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drawn timeline."""

    figure: Figure
    in_view: int
    """Dated events of the frame that fall into the figure's span."""
    given: int
    """Events of the frame."""
    undated: Sequence[str]
    """Labels of the marks that have no time, and so stand in the table alone."""


def draw(
    events: pl.DataFrame,
    marks: Sequence[Mark],
    *,
    instant: datetime | None = None,
    lanes: Sequence[str] | None = None,
) -> Timeline:
    """Draw events as context, marks on top, and the instant asked about as a line.

    Args:
        events: columns ``source``, ``earliest``, ``latest`` (µs UTC, null where undated).
        marks: the events of a finding.
        instant: aware UTC.
        lanes: sources from top to bottom; by default those of the marks and events, sorted.
    """
    import matplotlib as mpl

    found = {*events["source"].unique().to_list(), *(mark.source for mark in marks)}
    names = list(lanes or sorted(found))
    dated = [mark for mark in marks if mark.earliest is not None and mark.latest is not None]
    start, end = span(events, dated, instant)
    panels = [
        (low, high, names if not place else _marked(names, dated, low, high))
        for place, (low, high) in enumerate([(start, end), *close_ups(dated, end - start)])
    ]
    inside = events.filter((pl.col("latest") >= _at(start)) & (pl.col("earliest") <= _at(end)))
    columns = {
        name: inside.filter(pl.col("source") == name)
        .select(pl.col("earliest", "latest").dt.epoch("us"))
        .to_numpy()
        for name in names
    }
    what = "All marks" if dated else "All events"
    with _style(mpl):
        figure, axes = _panels([len(shown) for _, _, shown in panels])
        for place, (axis, (low, high, shown)) in enumerate(zip(axes, panels, strict=True)):
            asked = instant is not None and low <= us(instant) <= high
            _lanes(axis, shown, low, high, _ABOVE_ASKED if asked else _ABOVE)
            for lane, name in enumerate(shown):
                _context(axis, columns[name], lane, low, high)
            _pointed(axis, dated, shown, low, high)
            if instant is not None and low <= us(instant) <= high:
                axis.axvline(us(instant), color=_AMBER, linewidth=1.1, linestyle=(0, (4, 2)))
            _title(axis, what if not place else "Close up", low, high, instant)
        _legend(figure, instant is not None)
    in_view = sum(len(each) for each in columns.values())
    undated = [mark.label for mark in marks if mark not in dated]
    return Timeline(figure, in_view, events.height, undated)


def _at(place: float) -> pl.Expr:
    """A place on the axis as an instant."""
    return pl.lit(round(place)).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def _marked(names: Sequence[str], dated: Sequence[Mark], low: float, high: float) -> list[str]:
    """Lanes that have a mark in the span."""
    seen = {mark.source for mark in dated if ends(mark)[1] >= low and ends(mark)[0] <= high}
    return [name for name in names if name in seen]


def _panels(lanes: Sequence[int]) -> tuple[Figure, Sequence[Axes]]:
    """One panel under the other; lanes shrink where a page could not hold them all."""
    from matplotlib.figure import Figure

    total = sum(max(1, count) for count in lanes)
    around = len(lanes) * _PANEL_IN + _LEGEND_IN
    lane = min(_LANE_IN, (_HEIGHT_IN - around) / total)
    height = total * lane + around
    figure = Figure(figsize=(_WIDTH_IN, height))
    axes = []
    top = height
    for count in lanes:
        tall = max(1, count) * lane
        top -= _TITLE_IN
        axes.append(figure.add_axes((0.165, (top - tall) / height, 0.82, tall / height)))
        top -= tall + _PANEL_IN - _TITLE_IN
    return figure, axes


def svg(figure: Figure) -> bytes:
    """The figure as SVG: no date, no random ids, text as outlines."""
    import matplotlib as mpl

    out = io.BytesIO()
    with _style(mpl):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


@contextmanager
def _style(mpl: ModuleType) -> Iterator[None]:
    """Our settings and none of the user's."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def _lanes(axis: Axes, names: Sequence[str], low: float, high: float, above: float) -> None:
    axis.set_xlim(low, high)
    axis.set_ylim(len(names) - 0.5, -above)
    axis.set_yticks(range(len(names)), [_short(name) for name in names], color=_INK, fontsize=7.5)
    axis.tick_params(axis="y", length=0)
    axis.tick_params(axis="x", colors=_QUIET, length=3, labelsize=7)
    for lane in range(len(names)):
        axis.axhline(lane, color=_HAIR, linewidth=0.6, zorder=0)
    for side in ("top", "left", "right"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(_QUIET)
    places, texts = ticks(low, high)
    axis.set_xticks(places, texts)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LIMIT else name[: _NAME_LIMIT - 1] + "…"


def _context(axis: Axes, spans: NDArray[np.int64], lane: int, low: float, high: float) -> None:
    """One collection for all events of a lane: a bar from earliest to latest each."""
    import numpy as np
    from matplotlib.collections import PolyCollection

    seen = spans[(spans[:, 1] >= low) & (spans[:, 0] <= high)]
    if not len(seen):
        return
    # Ends are snapped to the width of a line: what the eye could not tell apart is drawn once.
    cell = (high - low) / _CELLS
    left = np.clip(np.floor((seen[:, 0] - low) / cell), 0, _CELLS - 1)
    right = np.clip(np.ceil((seen[:, 1] - low) / cell), left + 1, _CELLS)
    bars = low + np.unique(np.stack([left, right], axis=1), axis=0) * cell
    top, bottom = np.full(len(bars), lane - 0.11), np.full(len(bars), lane + 0.11)
    corners = np.stack(
        [
            np.stack([bars[:, side], edge], axis=1)
            for side, edge in ((0, top), (1, top), (1, bottom), (0, bottom))
        ],
        axis=1,
    )
    axis.add_collection(
        PolyCollection(list(corners), facecolors=_CONTEXT, edgecolors="none", alpha=0.55, zorder=1),
        autolim=False,
    )


def _pointed(
    axis: Axes, dated: Sequence[Mark], names: Sequence[str], low: float, high: float
) -> None:
    """Marks: filled circle for stamped, open diamond for asserted; a bar where it is wide."""
    from matplotlib.patheffects import withStroke

    for lane, name in enumerate(names):
        here = sorted((m for m in dated if m.source == name), key=lambda m: (*ends(m), m.label))
        labels: list[tuple[float, str]] = []
        for mark in here:
            first, final = ends(mark)
            middle = (first + final) / 2
            if middle < low or middle > high:
                continue
            color = _NAVY if mark.stamped else _AMBER
            if final - first > (high - low) / 150:
                axis.plot(
                    [first, final],
                    [lane, lane],
                    color=color,
                    linewidth=3.2,
                    solid_capstyle="butt",
                    alpha=0.6,
                    zorder=3,
                )
            axis.plot(
                [middle],
                [lane],
                marker="o" if mark.stamped else "D",
                markersize=5.2,
                markerfacecolor=color if mark.stamped else "white",
                markeredgecolor=color,
                markeredgewidth=1.1,
                linestyle="none",
                zorder=4,
            )
            labels.append((middle, mark.label))
        for place, text in spread(labels, (high - low) * _CHARACTER):
            axis.annotate(
                text,
                (place, lane),
                xytext=(0, 5.5),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=7.6,
                fontweight="bold",
                color=_INK,
                zorder=5,
                annotation_clip=False,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )


def spread(labels: Sequence[tuple[float, str]], character: float) -> list[tuple[float, str]]:
    """Labels by place, from left to right; those that would touch share one, over their middle.

    Args:
        labels: place and label of each mark, by place.
        character: width of a character, in the unit of the places.
    """
    groups: list[tuple[float, float, set[str]]] = []
    for place, label in labels:
        groups.append((place, place, set(label.split(", "))))
        while len(groups) > 1 and _touch(groups[-2], groups[-1], character):
            (first, _, some), (_, last, more) = groups[-2:]
            groups[-2:] = [(first, last, some | more)]
    return [((first + last) / 2, _letters(names)) for first, last, names in groups]


def _touch(
    left: tuple[float, float, set[str]], right: tuple[float, float, set[str]], character: float
) -> bool:
    """Whether two labels leave less than a character between them."""
    (first, last, names), (next_first, next_last, next_names) = left, right
    widths = len(_letters(names)) + len(_letters(next_names))
    apart = (next_first + next_last) / 2 - (first + last) / 2
    return apart < (widths / 2 + 1) * character


def _letters(names: Collection[str]) -> str:
    """``A, B, C``, or ``A…F`` of many; numbers in their order."""
    few = 4
    ordered = sorted(names, key=lambda name: (len(name), name))
    return ", ".join(ordered) if len(ordered) <= few else f"{ordered[0]}…{ordered[-1]}"


def _title(axis: Axes, what: str, low: float, high: float, instant: datetime | None) -> None:
    first, last = (datetime.fromtimestamp(t / US, UTC) for t in (low, high))
    form = "%Y-%m-%d %H:%M" if high - low > 600 * US else "%Y-%m-%d %H:%M:%S"
    axis.set_title(
        f"{what}: {first.strftime(form)} to {last.strftime(form)} UTC "
        f"({show_span(round((high - low) / US, 1))})",
        loc="left",
        fontsize=7.4,
        color=_QUIET,
        pad=7,
    )
    if instant is not None and low <= us(instant) <= high:
        late = us(instant) > low + (high - low) * 0.8
        axis.annotate(
            "asked about",
            (us(instant), 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if late else 3, -1),
            textcoords="offset points",
            fontsize=6.8,
            color=_AMBER,
            va="top",
            ha="right" if late else "left",
        )


def _legend(figure: Figure, asked: bool) -> None:  # noqa: FBT001  (private)
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Line2D(
            [],
            [],
            marker="o",
            color=_NAVY,
            linestyle="none",
            markersize=5,
            label="stamped by the medium",
        ),
        Line2D(
            [],
            [],
            marker="D",
            color=_AMBER,
            markerfacecolor="white",
            linestyle="none",
            markersize=5,
            label="asserted by the writer",
        ),
        Patch(facecolor=_CONTEXT, alpha=0.55, label="other events, from earliest to latest"),
    ]
    if asked:
        handles.append(
            Line2D(
                [],
                [],
                color=_AMBER,
                linewidth=1.1,
                linestyle=(0, (4, 2)),
                label="the instant asked about",
            )
        )
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=len(handles),
        frameon=False,
        fontsize=6.5,
        bbox_to_anchor=(0.5, 0),
        handletextpad=0.5,
        columnspacing=1.2,
        labelcolor=_QUIET,
    )


def describe(timeline: Timeline, rows: Sequence[Mapping[str, str]], instant: str | None) -> str:
    """The figure in words, for who cannot see it: every mark with its lane and time."""
    told = "; ".join(
        f"{row['label']}: {row['source']}, {row['role']}, {row['time']}, {row['basis']}"
        for row in rows
    )
    asked = f" A dashed line marks the instant asked about, {instant}." if instant else ""
    return (
        f"Timeline with one lane for each source. {timeline.in_view} of {timeline.given} events "
        f"are in view. Marks: {told}.{asked}"
    )
