"""Whom IAM lets write a bucket or a database: principals by ARN.

Statements that allow are read, with their wildcards; conditions and statements that deny are not
subtracted. So it is who *could* write at the most: a principal too many makes two domains one
witness, and never the reverse.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recon.terraform.accounts import arn_account

if TYPE_CHECKING:
    from recon.terraform.holdings import Holding
    from recon.terraform.state import Resource

_WRITES = {
    "bucket": (
        *("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:DeleteBucket"),
        *("s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:PutLifecycleConfiguration"),
        *("s3:PutObjectRetention", "s3:BypassGovernanceRetention"),
    ),
    "database": (
        *("rds:DeleteDBInstance", "rds:DeleteDBCluster", "rds:ModifyDBInstance"),
        *("rds:ModifyDBCluster", "rds:DeleteDBSnapshot", "rds:DeleteDBClusterSnapshot"),
        *("rds:RestoreDBInstanceToPointInTime", "rds-db:connect"),
    ),
    "log": ("logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:PutRetentionPolicy"),
    "trail": ("cloudtrail:DeleteTrail", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail"),
    "cluster": ("eks:DeleteCluster", "ecs:DeleteCluster"),
    "backups": ("backup:DeleteRecoveryPoint", "backup:DeleteBackupPlan"),
}
"""By what a holding is: actions with which its records can be written or removed."""
_MANAGED: Mapping[str, Sequence[str]] = {
    "AdministratorAccess": ("*",),
    "PowerUserAccess": ("*",),
    "AmazonS3FullAccess": ("s3:*",),
    "AmazonRDSFullAccess": ("rds:*",),
    "CloudWatchLogsFullAccess": ("logs:*",),
    "AWSCloudTrail_FullAccess": ("cloudtrail:*",),
    "ReadOnlyAccess": (),
    "SecurityAudit": (),
    "ViewOnlyAccess": (),
    "AmazonS3ReadOnlyAccess": (),
}
"""Policies of AWS itself, which no state holds, by the actions that matter here."""
_LONGEST = 32_768
"""Characters of a policy: AWS takes 20,480 at the most."""
_MOST = 500
"""Statements of one policy, and texts of one list."""


class Iam:
    """Users, roles and groups of some states, and what their policies allow."""

    def __init__(self, resources: Sequence[Resource], warnings: list[str]) -> None:
        self._warnings = warnings
        self._arns: dict[tuple[str, str], list[str]] = {}
        self._documents: dict[str, list[Mapping[str, Any]]] = {}
        self._attached: list[tuple[str, str, list[Mapping[str, Any]]]] = []
        self._members: dict[str, list[str]] = {}
        self._buckets: dict[str, list[Mapping[str, Any]]] = {}
        for one in resources:
            self._first(one)
        for one in resources:
            self._second(one)
        self._allowed = list(self._principals())

    def writers(self, holding: Holding) -> tuple[str, ...]:
        """Principals that could write or remove its records, by ARN."""
        actions = _WRITES.get(holding.what, ())
        target = holding.arn or (f"arn:aws:s3:::{holding.name}" if holding.what == "bucket" else "")
        if not actions or not target:
            return ()
        found = {
            arn
            for arn, statements in self._allowed
            if any(_allows(one, actions, target) for one in statements) and _near(arn, holding)
        }
        for statement in self._buckets.get(holding.name, ()) if holding.what == "bucket" else ():
            if _allows(statement, actions, target):
                found.update(_named(statement))
        return tuple(sorted(found))

    def _first(self, one: Resource) -> None:
        """Who there is, and policies by ARN."""
        arn, name = one.text("arn"), one.text("name")
        word = one.type.removeprefix("aws_iam_")
        if word in {"user", "role", "group"} and name and arn:
            self._arns.setdefault((word, name), []).append(arn)
        if one.type == "aws_iam_policy" and arn:
            self._documents[arn] = self._statements(one, one.text("policy"))
        for user in (
            _texts(one.values.get("users")) if one.type == "aws_iam_group_membership" else ()
        ):
            self._members.setdefault(one.text("group") or "", []).append(user)
        if one.type == "aws_iam_user_group_membership" and (member := one.text("user")):
            for group in _texts(one.values.get("groups")):
                self._members.setdefault(group, []).append(member)

    def _second(self, one: Resource) -> None:
        """Which policy is whose."""
        word = next(
            (w for w in ("role", "user", "group") if one.type.startswith(f"aws_iam_{w}")), ""
        )
        if one.type in {f"aws_iam_{word}_policy", f"aws_iam_{word}_policy_attachment"}:
            statements = self._of(one, one.text("policy_arn"), one.text("policy"))
            self._attached.append((word, one.text(word) or "", statements))
        elif one.type == "aws_iam_policy_attachment":
            statements = self._of(one, one.text("policy_arn"), None)
            for kind in ("user", "role", "group"):
                for name in _texts(one.values.get(f"{kind}s")):
                    self._attached.append((kind, name, statements))
        elif one.type == "aws_iam_role" and (role := one.text("name")):
            for inline in one.blocks("inline_policy"):
                text = inline.get("policy")
                statements = self._statements(one, text if isinstance(text, str) else None)
                self._attached.append(("role", role, statements))
            for arn in _texts(one.values.get("managed_policy_arns")):
                self._attached.append(("role", role, self._of(one, arn, None)))
        elif one.type in {"aws_s3_bucket_policy", "aws_s3_bucket"} and (
            bucket := one.text("bucket")
        ):
            policy = one.text("policy")
            self._buckets.setdefault(bucket, []).extend(self._statements(one, policy))

    def _of(self, one: Resource, arn: str | None, text: str | None) -> list[Mapping[str, Any]]:
        if text is not None:
            return self._statements(one, text)
        if arn in self._documents:
            return self._documents[arn]
        name = (arn or "").rpartition("/")[2]
        if (arn or "").startswith("arn:aws:iam::aws:policy/") and name in _MANAGED:
            actions = list(_MANAGED[name])
            return [{"Effect": "Allow", "Action": actions, "Resource": "*"}] if actions else []
        self._warnings.append(
            f"{one.address}: expected policy {arn or 'with an ARN'} in the state, found none: what "
            "it allows is not known"
        )
        return []

    def _statements(self, one: Resource, text: str | None) -> list[Mapping[str, Any]]:
        if text is None:
            return []
        try:
            document = json.loads(text[:_LONGEST])
        except (ValueError, RecursionError) as error:
            self._warnings.append(f"{one.address}: expected a policy in JSON, found {error}")
            return []
        listed = document.get("Statement") if isinstance(document, dict) else None
        statements = listed if isinstance(listed, list) else [listed]
        return [
            each for each in statements[:_MOST]
            if isinstance(each, dict) and each.get("Effect") == "Allow"
        ]  # fmt: skip

    def _principals(self) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
        """Users and roles by ARN, with every statement that is theirs or their groups'."""
        each: dict[str, list[Mapping[str, Any]]] = {}
        for word, name, statements in self._attached:
            holders = self._members.get(name, []) if word == "group" else [name]
            for holder in holders:
                for arn in self._arns.get(("user" if word == "group" else word, holder), ()):
                    each.setdefault(arn, []).extend(statements)
        yield from sorted(each.items())


def _near(arn: str, holding: Holding) -> bool:
    """An identity's own policy reaches its own account; into another, that one has to let it in."""
    own = arn_account(arn)
    return own is None or holding.account is None or own == holding.account


def _texts(value: object) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed[:_MOST] if isinstance(one, str)]


def _allows(statement: Mapping[str, Any], actions: Sequence[str], target: str) -> bool:
    if "NotAction" in statement:
        spared = _texts(statement["NotAction"])
        able = any(not any(matches(one.lower(), a.lower()) for one in spared) for a in actions)
    else:
        named = _texts(statement.get("Action"))
        able = any(matches(one.lower(), a.lower()) for one in named for a in actions)
    if not able:
        return False
    if "NotResource" in statement:
        return not any(_covers(one, target) for one in _texts(statement["NotResource"]))
    return any(_covers(one, target) for one in _texts(statement.get("Resource")))


def _covers(pattern: str, target: str) -> bool:
    """Whether a pattern names the target, or something in it: a key of a bucket."""
    if matches(pattern, target):
        return True
    head, slash, _ = pattern.partition("/")
    return bool(slash) and pattern.startswith("arn:aws:s3") and matches(head, target)


def _named(statement: Mapping[str, Any]) -> list[str]:
    """Principals of a bucket's policy."""
    principal = statement.get("Principal")
    if isinstance(principal, dict):
        return _texts(principal.get("AWS"))
    return _texts(principal)


def matches(pattern: str, text: str) -> bool:
    """IAM's wildcards: ``*`` any characters, ``?`` one.

    Without a regular expression: the pattern is evidence, and this takes no longer than its length
    times the text's.
    """
    at = place = 0
    star, back = -1, 0
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, back = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[place]):
            at += 1
            place += 1
        elif star >= 0:
            at, back = star + 1, back + 1
            place = back
        else:
            return False
    return pattern[at:].strip("*") == ""
