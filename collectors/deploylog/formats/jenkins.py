"""Jenkins: builds as its remote API lists them.

A real sample (``…/job/deploy/api/json?tree=fullName,builds[number,timestamp,result,url]``)::

    {"_class": "org.jenkinsci.plugins.workflow.job.WorkflowJob", "fullName": "deploy",
     "builds": [{"_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun", "duration": 61234,
                 "number": 42, "result": "SUCCESS", "timestamp": 1489053600000,
                 "url": "https://ci.example.org/job/deploy/42/"}]}

``timestamp`` is when the build was put on its way, in milliseconds since 1970, by the controller's
clock, so it is stamped; when it ended is ``timestamp`` + ``duration``, of which nothing is made.
Builds are numbered without gaps as they begin: a number that is missing is said (old builds are
discarded by the job's own rule, and a person can delete one). The kind is ``jenkins.build.RESULT``.

Source: Jenkins documentation, Remote access API; ``hudson.model.Run``, ``getTimestamp``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from collectors.deploylog.formats.base import Format, joined, key
from collectors.deploylog.formats.documents import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from collectors.deploylog.options import DeployLogOptions


def _records(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The builds of a job, or of each job of a list."""
    jobs = record.get("jobs")
    if isinstance(jobs, list):
        return [build for job in jobs if isinstance(job, dict) for build in _records(job)]
    builds = record.get("builds", record.get("allBuilds"))
    if not isinstance(builds, list):
        return [record]
    name = record.get("fullName", record.get("name"))
    return [{**one, "job": name} for one in builds if isinstance(one, dict)]


def _derive(_: DeployLogOptions) -> Mapping[str, pl.Expr]:
    # https://HOST/job/FOLDER/job/NAME/42/
    path = key("url").str.extract(r"^[a-z]+://[^/]+/(.*/)?job/.*$", 0)
    by_url = path.str.extract(r"^[a-z]+://[^/]+/(.+?)/[0-9]+/?$", 1)
    job = pl.coalesce(key("job"), by_url)
    return {
        "time": key("timestamp"),
        "kind": joined(".", pl.lit("jenkins.build"), key("result").str.to_lowercase()),
        "subject": pl.concat_str(pl.lit("jenkins:"), job),
        "sequence": key("number"),
        "run": job,
    }


FORMAT = Format(
    "jenkins",
    "Jenkins remote API, builds",
    documents(_records),
    keys=("number", "timestamp", "result", "url", "job"),
    derive=_derive,
    stamped=True,
    ordered=False,
    lines=False,
)
