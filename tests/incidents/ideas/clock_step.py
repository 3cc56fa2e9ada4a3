"""A pipeline whose log's clock was set, or not, in the middle of it."""

from __future__ import annotations

from datetime import timedelta

from tests.incidents.runs import LOG, deployed
from tests.incidents.stage import Stage, Truth

IS_LONG = True
FOUND, SKEW = ("clock-step", "observation", LOG), ("clock-skew", "observation", LOG)
_MINUTE = timedelta(minutes=1)


def incident(stage: Stage) -> Truth:
    """Twenty-five minutes behind until one morning, when NTP came back."""
    deployed(stage, lambda n: -25 * _MINUTE if n < 6 else 0 * _MINUTE)
    return {FOUND, SKEW}


def incident_set_back(stage: Stage) -> Truth:
    """The one clock was set back by three hours for good: later lines read before earlier ones."""
    deployed(stage, lambda n: -180 * _MINUTE if n >= 6 else 0 * _MINUTE)
    return {FOUND, SKEW}


def innocent(stage: Stage) -> Truth:
    """Three hours off all along: no step."""
    deployed(stage, lambda _: 180 * _MINUTE)
    return {SKEW}


def innocent_drift(stage: Stage) -> Truth:
    """A second more with each run, as a bad quartz does."""
    deployed(stage, lambda n: timedelta(seconds=n))
    return set()


def innocent_latency(stage: Stage) -> Truth:
    """From noon on a queue holds each deploy for half a minute."""
    deployed(stage, lambda n: timedelta(seconds=30 if n >= 6 else 0))
    return set()
