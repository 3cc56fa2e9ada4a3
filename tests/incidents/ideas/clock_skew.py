"""A pipeline whose log is written by a host with a clock of its own."""

from __future__ import annotations

from datetime import timedelta

from tests.incidents.runs import LOG, deployed
from tests.incidents.stage import Stage, Truth

IS_LONG = True
FOUND = ("clock-skew", "observation", LOG)
_HOUR = timedelta(hours=1)


def incident(stage: Stage) -> Truth:
    """Five hours ahead all along."""
    deployed(stage, lambda _: 5 * _HOUR)
    return {FOUND}


def incident_by_laws_alone(stage: Stage) -> Truth:
    """Seven hours behind: each line reads before the commit that it names; no pair is declared."""
    deployed(stage, lambda _: -7 * _HOUR, wait=1800, paired=False)
    return {FOUND}


def incident_of_the_committer(stage: Stage) -> Truth:
    """It is the committer's clock that is five hours ahead: the log is told as behind it."""
    deployed(stage, made=lambda _: 5 * _HOUR)
    return {FOUND}


def innocent(stage: Stage) -> Truth:
    """Half a minute behind, and deployed within half a minute: no more than a minute apart."""
    deployed(stage, lambda _: timedelta(seconds=-30), wait=25)
    return set()


def innocent_slow(stage: Stage) -> Truth:
    """Each commit is deployed three hours after it was made, which says nothing of clocks."""
    deployed(stage, wait=3 * 3600, paired=False)
    return set()


def innocent_two_lines(stage: Stage) -> Truth:
    """Two lines are an hour late, by a relay, and at their places."""
    deployed(stage, lambda n: _HOUR if n in {3, 8} else 0 * _HOUR, paired=False)
    return set()
