"""Write the made-up logs beside this file, and every ``options.json`` and ``expected.jsonl``.

The tables say what a person reads in each log. Files of others are left as they are (README.md).

    python make.py [FOLDER]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

SHA = "3484a3fb816e0859fd6e1cea078d76385ff50625"
Row = tuple[str, int, str, str, str | None, str | None, str, str | None]
# citation, part, kind, subject, earliest, latest, clock after log:ID, actor


def second(at: str) -> tuple[str, str]:
    """A time to the second as an interval."""
    return f"{at}.000000", f"{at}.999999"


def exact(at: str) -> tuple[str, str]:
    """A time to the microsecond."""
    return at, at


def _json(*records: object) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in records).encode()


def docker() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Fractions of one to nine digits; the first line has no zone."""
    at = "2016-01-07T16:49:10."
    reads = [
        ("2016-01-07T02:49:10.000000", "2016-01-08T04:49:10.099999"),
        (f"{at}200000", f"{at}299999"),
        (f"{at}230000", f"{at}239999"),
        (f"{at}237000", f"{at}237999"),
        (f"{at}237200", f"{at}237299"),
        (f"{at}237220", f"{at}237229"),
        *[(f"{at}237222", f"{at}237222")] * 4,
    ]
    rows: list[Row] = [
        (f"line {n}", 0, "docker.stdout", "log:d", *read, "", None)
        for n, read in enumerate(reads, 1)
    ]
    return {}, {}, rows


def syslog() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """The real file; and a turn of the year, a late line, an autumn hour, a line that goes on."""
    at = "2021-03-06T04:07:38."
    real = [
        ("log_tag", "251122"), ("log_tag", "251280"), None, ("log_tag", "251318"),
        ("log_tag", "251352"), ("systemd", "263426"), ("systemd", "265164"), ("systemd", "265422"),
        ("cron", "268395"), ("cron", "269077"),
    ]  # fmt: skip
    rows: list[Row] = [
        (f"line {n}", 0, "log.line", "log:d", None, None, "", None)
        if one is None
        else (f"line {n}", 0, f"syslog.{one[0]}", "log:d", *exact(at + one[1]), "/hostname", None)
        for n, one in enumerate(real, 1)
    ]
    bsd = (
        b"Oct 25 02:30:00 web-01 deploy[4711]: finished 2.3.1\n"
        b"Dec 31 23:59:59 web-01 deploy[4711]: finished 2.3.2\n"
        b"<34>Jan  1 00:00:01 web-01 su: 'su root' failed\n"
        b"Dec 31 23:59:58 web-02 late: came after the turn of the year\n"
        b"Jan  2 00:00:01.5 web-01 no colon here\n"
        b"Jul  1 12:00:00 web-01 a: quiet for months\n"
        b"Feb  1 12:00:00 web-01 a: and into the next year\n"
        b"Feb 30 00:00:00 web-01 a: no such day\n"
        b"<165>1 2003-10-11T22:14:15.003Z web-03 app - ID47 "
        b'[meta sequenceId="7"][x@1 a="]\\"b"] hi\n'
        b"<165>1 - - - - - -\n"
    ).replace(b'"]\\"b"', b'"\\]\\"b"')
    read: list[Row] = [
        ("line 1", 0, "syslog.deploy", "log:d",
         "2026-10-25T00:30:00.000000", "2026-10-25T01:30:00.999999", "/web-01", None),
        ("line 2", 0, "syslog.deploy", "log:d", *second("2026-12-31T22:59:59"), "/web-01", None),
        ("line 3", 0, "syslog.su", "log:d", *second("2026-12-31T23:00:01"), "/web-01", None),
        ("line 4", 0, "syslog.late", "log:d", *second("2026-12-31T22:59:58"), "/web-02", None),
        ("line 5", 0, "log.line", "log:d",
         "2027-01-01T23:00:01.500000", "2027-01-01T23:00:01.599999", "/web-01", None),
        ("line 6", 0, "syslog.a", "log:d", *second("2027-07-01T10:00:00"), "/web-01", None),
        ("line 7", 0, "syslog.a", "log:d", *second("2028-02-01T11:00:00"), "/web-01", None),
        ("line 8", 0, "syslog.a", "log:d", None, None, "/web-01", None),
        ("line 9", 0, "syslog.app", "log:d",
         "2003-10-11T22:14:15.003000", "2003-10-11T22:14:15.003999", "/web-03", None),
        ("line 10", 0, "log.line", "log:d", None, None, "", None),
    ]  # fmt: skip
    return {"year": 2026, "zone": "Europe/Berlin"}, {"bsd.log": bsd}, read + rows


def kubernetes() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Of four times in a record, the one of the stage."""
    what, user = "k8s:default/deployments/nginx-deployment", "minikube-user"
    refused = {
        "kind": "Event", "verb": "delete", "user": {"username": "eve"},
        "objectRef": {"resource": "namespaces", "name": "ml"}, "responseStatus": {"code": 403},
        "stageTimestamp": "2026-03-08T19:12:05.000001Z",
    }  # fmt: skip
    listed = {"kind": "EventList", "items": [refused, {**refused, "responseStatus": {"code": 200}}]}
    rows: list[Row] = [
        ("line 1", 0, "audit.create", what, *exact("2018-10-26T13:07:36.911442"), "", user),
        ("line 1", 0, "audit.delete", what, *exact("2018-10-26T13:09:27.548380"), "", user),
        ("line 1", 0, "audit.delete.refused", "k8s:namespaces/ml",
         *exact("2026-03-08T19:12:05.000001"), "", "eve"),
        ("line 1", 1, "audit.delete", "k8s:namespaces/ml",
         *exact("2026-03-08T19:12:05.000001"), "", "eve"),
    ]  # fmt: skip
    return {}, {"webhook.jsonl": _json(listed)}, rows


def journal() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """JSON, and the export format with a field that holds line feeds and the tail cut off."""
    cursor = b"__CURSOR=s=e991dd5775894620914f2f7126aae6c1;i=%s;b=0\n"
    entries = (
        cursor % b"372b" + b"__REALTIME_TIMESTAMP=1534860261221373\n_HOSTNAME=h\n"
        b"_SYSTEMD_UNIT=deploy.service\nSYSLOG_IDENTIFIER=deploy\nMESSAGE\n"
        + len(b"a\n\nb=c").to_bytes(8, "little") + b"a\n\nb=c\n\n"
        + cursor % b"372e" + b"__REALTIME_TIMESTAMP=1534860261221374\n_HOSTNAME=h\nMESSAGE=x\n\n"
        b"__REALTIME_TIMESTAMP=1\nbroken"
    )  # fmt: skip
    starts = [0, entries.index(b"__CURSOR", 1), entries.index(b"__REALTIME_TIMESTAMP=1\n")]
    ends = [starts[1] - 1, starts[2] - 1, len(entries)]
    place = [f"bytes {a + 1}-{b}" for a, b in zip(starts, ends, strict=True)]
    unit = "medusa-GpsLocator.service"
    rows: list[Row] = [
        (place[0], 0, "journal.deploy", "log:d", *exact("2018-08-21T14:04:21.221373"), "/h",
         "deploy.service"),
        (place[1], 0, "journal", "log:d", *exact("2018-08-21T14:04:21.221374"), "/h", None),
        (place[2], 0, "log.line", "log:d", None, None, "", None),
        *[(f"line {n}", 0, "journal.python", "log:d", *exact("2018-08-21T14:04:21.221373"),
           "/imx6ul-medusa", unit) for n in (1, 2)],
    ]  # fmt: skip
    return {}, {"export.journal": entries}, rows


def github() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Which time is the act's; payloads over many lines, an array, and a page of the API."""
    hello = "Codertocat/Hello-World"
    push = {
        "ref": "refs/tags/simple-tag", "before": "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
        "after": "0" * 40, "created": False, "deleted": True, "forced": False,
        "repository": {"full_name": hello, "created_at": 1557933565,
                       "updated_at": "2019-05-15T15:20:41Z", "pushed_at": 1557933657},
        "pusher": {"name": "Codertocat"}, "sender": {"login": "Codertocat"},
    }  # fmt: skip
    release = {
        "action": "published",
        "release": {"tag_name": "0.0.1", "created_at": "2019-05-15T15:19:25Z",
                    "published_at": "2019-05-15T15:20:53Z"},
        "repository": {"full_name": hello}, "sender": {"login": "Codertocat"},
    }  # fmt: skip
    edited = {**release, "action": "edited"}
    api = "https://api.github.com/repos/octo-org/octo-repo"
    deployment = {
        "url": f"{api}/deployments/1", "id": 1, "sha": SHA, "ref": "main", "task": "deploy",
        "creator": {"login": "ada"}, "created_at": "2020-10-05T16:40:00Z",
        "updated_at": "2020-10-05T16:45:00Z", "statuses_url": f"{api}/deployments/1/statuses",
    }  # fmt: skip
    status = {
        "url": f"{api}/deployments/1/statuses/2", "state": "success", "creator": {"login": "ada"},
        "created_at": "2020-10-05T16:45:00Z", "deployment_url": f"{api}/deployments/1",
    }  # fmt: skip
    run = {
        "url": f"{api}/actions/runs/289782451", "id": 289782451, "run_number": 163,
        "head_sha": SHA, "status": "completed", "conclusion": "success",
        "created_at": "2020-10-05T16:33:24Z", "run_started_at": "2020-10-05T16:33:49Z",
        "updated_at": "2020-10-05T16:34:49Z",
    }  # fmt: skip
    pretty = [json.dumps(one, indent=2).encode() for one in (push, release, edited)]
    hooks = b"\n".join(pretty) + b"\n"
    listed = json.dumps([deployment, status]).encode()
    runs = json.dumps({"total_count": 2, "workflow_runs": [run, {**run, "status": "in_progress",
                       "conclusion": None}]}).encode()  # fmt: skip
    first = (
        listed.index(b"{"),
        listed.index(b'}, {"url": "' + api.encode() + b"/deployments/1/s") + 1,
    )
    second_ = first[1] + 2, len(listed) - 1
    ends = [len(pretty[0]), len(pretty[0]) + 1 + len(pretty[1]), len(hooks) - 1]
    starts = [0, ends[0] + 1, ends[1] + 1]
    hook = [f"bytes {a + 1}-{b}" for a, b in zip(starts, ends, strict=True)]
    repo = "github:octo-org/octo-repo"
    rows: list[Row] = [
        (f"bytes {first[0] + 1}-{first[1]}", 0, "github.deployment", repo,
         *second("2020-10-05T16:40:00"), "", "ada"),
        (f"bytes {second_[0] + 1}-{second_[1]}", 0, "github.deployment_status.success", repo,
         *second("2020-10-05T16:45:00"), "", "ada"),
        (hook[0], 0, "github.push.delete", f"github:{hello}/refs/tags/simple-tag",
         *second("2019-05-15T15:20:57"), "", "Codertocat"),
        (hook[1], 0, "github.release.published", f"github:{hello}/releases/0.0.1",
         *second("2019-05-15T15:20:53"), "", "Codertocat"),
        (hook[2], 0, "github.release.edited", f"github:{hello}/releases/0.0.1", None, None, "",
         "Codertocat"),
        ("line 1", 0, "github.workflow_run.completed.success", repo,
         *second("2020-10-05T16:34:49"), "", None),
        ("line 1", 1, "github.workflow_run.in_progress", repo,
         *second("2020-10-05T16:33:49"), "", None),
    ]  # fmt: skip
    old, new = SHA, "827efc6d56897b048c772eb4087f854f46256132"
    moves = _json(
        {"id": 1, "before": old, "after": new, "ref": "refs/heads/main",
         "timestamp": "2011-01-26T19:06:43Z", "activity_type": "force_push",
         "actor": {"login": "octocat"}},
        {"id": 2, "before": old, "after": "0" * 40, "ref": "refs/heads/gone",
         "timestamp": "2011-01-26T19:07:43Z", "activity_type": "branch_deletion",
         "actor": {"login": "octocat"}},
        {"id": "3", "type": "PushEvent", "actor": {"login": "octocat"},
         "repo": {"id": 1, "name": hello}, "created_at": "2011-01-26T19:08:43Z",
         "payload": {"push_id": 9, "ref": "refs/heads/main", "head": old, "before": new}},
    )  # fmt: skip
    rows += [
        ("line 1", 0, "github.push.force", "github:refs/heads/main",
         *second("2011-01-26T19:06:43"), "", "octocat"),
        ("line 2", 0, "github.push.delete", "github:refs/heads/gone",
         *second("2011-01-26T19:07:43"), "", "octocat"),
        ("line 3", 0, "github.push", f"github:{hello}/refs/heads/main",
         *second("2011-01-26T19:08:43"), "", "octocat"),
    ]  # fmt: skip
    files = {"deployments.json": listed, "hooks.json": hooks, "moves.jsonl": moves}
    return {}, {**files, "runs.json": runs}, [*rows[:5], *rows[7:], *rows[5:7]]


def gitlab() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Times with a space before the offset, and with the word UTC; a push has none."""
    log = _json(
        {"object_kind": "deployment", "status": "success", "environment": "staging",
         "status_changed_at": "2021-04-28 21:50:00 +0200", "user": {"username": "root"},
         "project": {"path_with_namespace": "root/test"}},
        {"object_kind": "pipeline", "user": {"username": "root"},
         "object_attributes": {"id": 31, "status": "success", "sha": SHA,
                               "created_at": "2016-08-12 15:23:28 UTC",
                               "finished_at": "2016-08-12 15:26:29 UTC"},
         "project": {"path_with_namespace": "gitlab-org/gitlab-test"}},
        {"object_kind": "push", "ref": "refs/heads/main", "after": SHA, "user_username": "ada",
         "commits": [{"id": SHA, "timestamp": "2012-01-03T23:36:29+02:00"}],
         "project": {"path_with_namespace": "root/test"}},
        {"id": 41, "iid": 1, "ref": "main", "sha": SHA, "status": "success", "deployable": {},
         "created_at": "2016-08-11T11:32:35.444Z", "updated_at": "2016-08-11T11:34:01.123Z",
         "user": {"username": "root"}, "environment": {"name": "prod"}},
        {"id": 4, "project_id": 15, "action_name": "deleted", "author_username": "ada",
         "created_at": "2017-02-09T10:43:19.667Z",
         "push_data": {"commit_count": 0, "action": "removed", "ref_type": "branch",
                       "commit_from": SHA, "commit_to": None, "ref": "old"}},
        {"object_kind": "tag_push", "ref": "refs/tags/v1", "before": "0" * 40, "after": SHA,
         "user_username": "ada", "project": {"path_with_namespace": "root/test"}},
    )  # fmt: skip
    rows: list[Row] = [
        ("line 1", 0, "gitlab.deployment.success", "gitlab:root/test/environments/staging",
         *second("2021-04-28T19:50:00"), "", "root"),
        ("line 2", 0, "gitlab.pipeline.success", "gitlab:gitlab-org/gitlab-test",
         *second("2016-08-12T15:26:29"), "", "root"),
        ("line 3", 0, "gitlab.push", "gitlab:root/test/refs/heads/main", None, None, "", "ada"),
        ("line 4", 0, "gitlab.deployment.success", "gitlab:main",
         "2016-08-11T11:34:01.123000", "2016-08-11T11:34:01.123999", "", "root"),
        ("line 5", 0, "gitlab.push.delete", "gitlab:15/refs/heads/old",
         "2017-02-09T10:43:19.667000", "2017-02-09T10:43:19.667999", "", "ada"),
        ("line 6", 0, "gitlab.tag_push.create", "gitlab:root/test/refs/tags/v1", None, None, "",
         "ada"),
    ]  # fmt: skip
    return {}, {"hooks.jsonl": log}, rows


def gitea() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """A push as a webhook has it, without a time, and as the list of activity has it."""
    old, new = SHA, "bffeb74224043ba2feb48d137756c8a9331c449a"

    def activity(what: str, ref: str, content: object) -> dict[str, Any]:
        return {"id": 7, "op_type": what, "act_user": {"login": "ada"}, "ref_name": ref,
                "repo": {"full_name": "acme/models"}, "created": "2026-03-01T11:00:00+01:00",
                "content": content}  # fmt: skip

    compared = {"HeadCommit": {"Sha1": new}, "CompareURL": f"acme/models/compare/{old}...{new}"}
    log = _json(
        {"ref": "refs/heads/develop", "before": old, "after": new, "pusher": {"login": "gitea"},
         "repository": {"full_name": "gitea/webhooks", "updated_at": "2017-03-13T13:52:11-04:00"},
         "sender": {"login": "gitea"}},
        activity("commit_repo", "refs/heads/main", json.dumps(compared)),
        activity("delete_branch", "refs/heads/old", ""),
        activity("create_issue", "", "1|broken"),
        activity("commit_repo", "refs/heads/main", "{"),
    )  # fmt: skip
    at = second("2026-03-01T10:00:00")
    rows: list[Row] = [
        ("line 1", 0, "gitea.push", "gitea:gitea/webhooks/refs/heads/develop", None, None, "",
         "gitea"),
        ("line 2", 0, "gitea.push", "gitea:acme/models/refs/heads/main", *at, "", "ada"),
        ("line 3", 0, "gitea.push.delete", "gitea:acme/models/refs/heads/old", *at, "", "ada"),
        ("line 4", 0, "gitea.create_issue", "gitea:acme/models/", *at, "", "ada"),
        ("line 5", 0, "gitea.commit_repo", "gitea:acme/models/refs/heads/main", *at, "", "ada"),
    ]  # fmt: skip
    return {}, {"feeds.jsonl": log}, rows


def argocd() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Histories within applications within a list; a sync that is missing; claims by mapping."""

    def sync(number: int, day: int) -> dict[str, Any]:
        return {"id": number, "revision": SHA, "deployedAt": f"2024-01-{day}T09:15:32Z",
                "initiatedBy": {"username": "ada"}}  # fmt: skip

    guest = {"metadata": {"name": "guestbook", "namespace": "argocd"},
             "status": {"history": [sync(3, 10), sync(5, 11)]}}  # fmt: skip
    data = json.dumps({"items": [guest, {"metadata": {"name": "new"}}]}, indent=2).encode()
    place = f"bytes 1-{len(data)}"
    of = "argocd:argocd/guestbook"
    rows: list[Row] = [
        (place, 0, "argocd.sync", of, *second("2024-01-10T09:15:32"), "", "ada"),
        (place, 1, "claim", of, *second("2024-01-10T09:15:32"), "", "ada"),
        (place, 2, "argocd.sync", of, *second("2024-01-11T09:15:32"), "", "ada"),
        (place, 3, "claim", of, *second("2024-01-11T09:15:32"), "", "ada"),
        (place, 4, "argocd.application", "argocd:new", None, None, "", None),
    ]
    return {"fields": {"attributes": {"commit": "revision"}}}, {"apps.json": data}, rows


def jenkins() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Builds, newest first; one that runs; one that is not there."""
    job = {"fullName": "deploy", "builds": [
        {"number": 42, "result": None, "timestamp": 1489053600000, "url": "https://ci/job/a/42/"},
        {"number": 40, "result": "SUCCESS", "timestamp": 1489053500000},
    ]}  # fmt: skip
    rows: list[Row] = [
        ("line 1", 0, "jenkins.build", "jenkins:deploy",
         "2017-03-09T10:00:00.000000", "2017-03-09T10:00:00.000999", "", None),
        ("line 1", 1, "jenkins.build.success", "jenkins:deploy",
         "2017-03-09T09:58:20.000000", "2017-03-09T09:58:20.000999", "", None),
    ]  # fmt: skip
    return {}, {"builds.json": _json(job)}, rows


def logfmt() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """A pair within quotes is none; a key that stands twice; text that is no pair."""
    log = (
        b'time="2024-01-10T09:15:32Z" level=info msg="sync \\"ok\\" time=5 model=x version=9"\n'
        b"ts=2026-02-14T09:33:41.118Z event=deploy.finish model=m version=2.3.1 dry_run\r\n"
        b'not "a pair\n'
        b"ts=2026-02-14T09:33:42Z event=a event=b model=m version=1\n"
    )
    rows: list[Row] = [
        ("line 1", 0, "logfmt.info", "log:d", *second("2024-01-10T09:15:32"), "", None),
        ("line 2", 0, "deploy.finish", "model:m@2.3.1",
         "2026-02-14T09:33:41.118000", "2026-02-14T09:33:41.118999", "", None),
        ("line 2", 1, "claim", "model:m@2.3.1",
         "2026-02-14T09:33:41.118000", "2026-02-14T09:33:41.118999", "", None),
        ("line 3", 0, "log.line", "log:d", None, None, "", None),
        ("line 4", 0, "log.line", "model:m@1", *second("2026-02-14T09:33:42"), "", None),
    ]  # fmt: skip
    fields = {"subject": "model:{model}@{version}", "attributes": {"dry": "dry_run"}}
    return {"fields": fields}, {"app.log": log}, rows


def otlp() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """Several records of one request; one without a time of its own, which the collector dated."""
    request = {"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "deployer"}}]},
        "scopeLogs": [{"logRecords": [
            {"timeUnixNano": "1544712660300000000", "observedTimeUnixNano": "1544712660300000001",
             "severityText": "INFO", "body": {"stringValue": "finished 2.3.1"},
             "attributes": [{"key": "deploy.env", "value": {"stringValue": "prod"}}]},
            {"timeUnixNano": "0", "observedTimeUnixNano": "1544712661300000001",
             "eventName": "deploy.finish", "body": {"stringValue": "nothing"}},
        ]}]}]}  # fmt: skip
    rows: list[Row] = [
        ("line 1", 0, "otlp.info", "model:m@2.3.1", *exact("2018-12-13T14:51:00.300000"), "",
         "deployer"),
        ("line 1", 1, "claim", "model:m@2.3.1", *exact("2018-12-13T14:51:00.300000"), "",
         "deployer"),
        ("line 1", 2, "deploy.finish", "log:d", *exact("2018-12-13T14:51:01.300000"), "/observed",
         "deployer"),
        ("line 2", 0, "log.line", "log:d", None, None, "", None),
    ]  # fmt: skip
    fields = {"subject": "model:m@{version}", "attributes": {"env": "attributes.deploy.env"}}
    log = _json(request, {"resourceLogs": []})
    return {"fields": fields, "pattern": r"finished (?P<version>\S+)"}, {"logs.jsonl": log}, rows


def text() -> tuple[dict[str, Any], dict[str, bytes], list[Row]]:
    """A comma before the fraction, a form of the web servers', a line that goes on."""
    log = (
        b"2026-02-14 09:33:41,118 INFO [deployer] model=credit-risk version=2.3.1\n"
        b"  at Deployer.java:12\n"
        b"14/Feb/2026:10:40:00 +0100 INFO [deployer] model=churn version=2\n"
    )
    rows: list[Row] = [
        ("line 1", 0, "deployer", "model:credit-risk@2.3.1",
         "2026-02-14T09:33:41.118000", "2026-02-14T09:33:41.118999", "", None),
        ("line 2", 0, "log.line", "log:d", None, None, "", None),
        ("line 3", 0, "deployer", "model:churn@2", *second("2026-02-14T09:40:00"), "", None),
    ]  # fmt: skip
    pattern = (
        r"^(?P<time>\S+ \S+) (?P<level>[A-Z]+) \[(?P<kind>[^\]]+)\]"
        r" model=(?P<model>\S+) version=(?P<version>\S+)"
    )
    options = {
        "pattern": pattern, "zone": "UTC", "time_formats": ["%d/%b/%Y:%H:%M:%S %z"],
        "fields": {"subject": "model:{model}@{version}"},
    }  # fmt: skip
    return options, {"app.log": log}, rows


FORMATS = (
    docker, syslog, kubernetes, journal, github, gitlab, gitea, argocd, jenkins, logfmt, otlp, text,
)  # fmt: skip
NAMES = ("citation", "part", "kind", "subject", "earliest", "latest", "clock", "actor")


def main(folder: Path) -> None:
    """Write everything; rows are in the order of the files' names, then of the records."""
    for one in FORMATS:
        options, files, rows = one()
        here = folder / one.__name__
        here.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (here / name).write_bytes(data)
        (here / "options.json").write_text(json.dumps({"format": one.__name__, **options}) + "\n")
        lines = [
            json.dumps({**dict(zip(NAMES, row, strict=True)), "clock": f"log:d{row[6]}"})
            for row in rows
        ]
        (here / "expected.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
