"""Domains from Terraform's state: accounts, clusters, whom IAM lets write, backup windows."""

from __future__ import annotations

import json
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from recon.cli import app
from recon.config import Domain
from recon.errors import BadInputError, UsageError
from recon.terraform import Domains, domains
from recon.terraform.iam import matches
from recon.terraform.write import quoted, toml

CORPUS = Path(__file__).resolve().parents[2] / "corpus" / "terraform" / "acme.json"
P, S = "111122223333", "444455556666"


def state(folder: Path, *resources: dict[str, Any], **modules: list[dict[str, Any]]) -> Path:
    """Resources as (address, type, values) tables; modules by name."""
    path = folder / "state.json"
    children = [{"address": f"module.{name}", "resources": held} for name, held in modules.items()]
    root = {"resources": list(resources), "child_modules": children}
    path.write_text(json.dumps({"format_version": "1.0", "values": {"root_module": root}}))
    return path


def one(kind: str, label: str = "x", /, **values: Any) -> dict[str, Any]:
    return {"address": f"{kind}.{label}", "type": kind, "name": label, "values": values}


def policy(action: object, resource: object = "*", **more: Any) -> str:
    return json.dumps(
        {"Statement": {"Effect": "Allow", "Action": action, "Resource": resource, **more}}
    )


def read(path: Path) -> Domains:
    return domains([path], "acme")


def writers(found: Domains, name: str) -> tuple[str, ...]:
    return next(
        tuple(each.writers) for each in found.domains for held in each.holdings if held.name == name
    )


def test_the_state_of_two_accounts():
    found = domains([CORPUS])
    assert {each.organisation for each in found.domains} == {"aws-organisation:o-a1b2c3d4e5"}
    assert {(each.name, each.account, each.cluster) for each in found.domains} == {
        ("platform", f"aws:{P}", None),
        ("platform-jobs", f"aws:{P}", "jobs"),
        ("platform-lineage", f"aws:{P}", "lineage"),
        ("storage", f"aws:{S}", None),
    }
    assert writers(found, "acme-models") == (
        f"arn:aws:iam::{P}:role/deploy",
        f"arn:aws:iam::{S}:user/admin",
    )
    assert writers(found, "lineage") == (f"arn:aws:iam::{P}:user/dba",)
    assert found.networks == [f"vpc-0a1b in aws:{P}"]
    (lineage,) = [h for each in found.domains for h in each.holdings if h.name == "lineage"]
    assert (lineage.days, lineage.window) == (30, "01:00-01:30")
    assert found.warnings == []


def test_what_is_printed_is_read_by_a_case():
    text = toml(domains([CORPUS], "acme"), ["acme.json"])
    loaded = tomllib.loads(text)["domain"]
    assert {name: Domain.model_validate(table).account for name, table in loaded.items()} == {
        "platform": f"aws:{P}",
        "platform-jobs": f"aws:{P}",
        "platform-lineage": f"aws:{P}",
        "storage": f"aws:{S}",
    }
    kept = text[text.index("# [[retention]]") :]
    uncommented = "\n".join(line.removeprefix("# ") for line in kept.splitlines())
    assert [one_["days"] for one_ in tomllib.loads(uncommented)["retention"]] == [90, 30]


def bucket(name: str = "b") -> dict[str, Any]:
    return one("aws_s3_bucket", name, bucket=name, arn=f"arn:aws:s3:::{name}")


def user(name: str = "u", account: str = P) -> dict[str, Any]:
    return one("aws_iam_user", name, name=name, arn=f"arn:aws:iam::{account}:user/{name}")


@pytest.mark.parametrize(
    ("text", "could"),
    [
        (policy("s3:*"), True),
        (policy("S3:putobject", "arn:aws:s3:::b/*"), True),
        (policy(["s3:Get*", "s3:Delete*"], ["arn:aws:s3:::b/models/*"]), True),
        (policy("s3:*", "arn:aws:s3:::other/*"), False),
        (policy("s3:Get*"), False),
        (policy("s3:*", Effect="Deny"), False),
        ('{"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}', True),
        ('{"Statement": [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}]}', False),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "NotResource": "*:::b"}}', False),
        ("no JSON", False),
    ],
)
def test_whom_a_policy_lets_write(tmp_path: Path, text: str, could: bool):  # noqa: FBT001
    found = read(
        state(tmp_path, bucket(), user(), one("aws_iam_user_policy", user="u", policy=text))
    )
    assert (writers(found, "b") != ()) is could


def test_a_policy_of_another_account_needs_the_bucket_s_own(tmp_path: Path):
    """An identity's policy alone reaches no other account."""
    owner = one("aws_s3_bucket_versioning", bucket="b", expected_bucket_owner=S)
    mine = one("aws_iam_user_policy", user="u", policy=policy("s3:*"))
    arn = f"arn:aws:iam::{P}:user/u"
    assert writers(read(state(tmp_path, bucket(), owner, user(), mine)), "b") == ()
    own = policy("s3:PutObject", "arn:aws:s3:::b/*", Principal={"AWS": arn})
    let_in = one("aws_s3_bucket_policy", bucket="b", policy=own)
    assert writers(read(state(tmp_path, bucket(), owner, user(), mine, let_in)), "b") == (arn,)


def test_a_policy_that_the_state_does_not_hold_is_said(tmp_path: Path):
    attached = one("aws_iam_user_policy_attachment", user="u", policy_arn="arn:aws:iam::1:policy/x")
    (warning,) = read(state(tmp_path, bucket(), user(), attached)).warnings
    assert "what it allows is not known" in warning


def test_a_bucket_whose_account_two_providers_could_be_is_not_guessed(tmp_path: Path):
    """An S3 ARN names no account."""
    both = state(tmp_path, bucket(), user("a", P), user("b", S))
    assert [each.account for each in read(both).domains] == [None]
    nearer = state(tmp_path, user("a", P), storage=[bucket(), user("b", S)])
    assert [each.account for each in read(nearer).domains] == [f"aws:{S}"]


def test_databases_of_other_clouds(tmp_path: Path):
    found = read(
        state(
            tmp_path,
            one("azurerm_postgresql_flexible_server", name="az", backup_retention_days=7,
                id="/subscriptions/00000000-0000-0000-0000-00000000000A/resourceGroups/g"),
            one("google_sql_database_instance", name="g", project="acme-ml", settings=[
                {"backup_configuration": [{"start_time": "03:00", "backup_retention_settings": [
                    {"retained_backups": 7}]}]}]),
        )
    )  # fmt: skip
    assert {(each.account, each.cluster) for each in found.domains} == {
        ("azure:00000000-0000-0000-0000-00000000000a", "az"),
        ("gcp:acme-ml", "g"),
    }
    held = {h.name: (h.days, h.window) for each in found.domains for h in each.holdings}
    assert held == {"az": (7.0, None), "g": (None, "from 03:00, 7 kept")}


def test_nothing_says_whose_it_is(tmp_path: Path):
    with pytest.raises(UsageError, match="--organisation"):
        domains([state(tmp_path, bucket())])


# Hostile states

EVIL = 'x"]\nwriters = ["me"]\n[domain.evil]\r\x1b[2J\u202e‹'


def test_names_cannot_leave_their_place(tmp_path: Path):
    """A name of the state is neither TOML nor an escape of the terminal."""
    evil = [
        one("aws_db_instance", EVIL, identifier=EVIL, arn=f"arn:aws:rds:eu:{P}:db:{EVIL}",
            backup_retention_period=3, backup_window=EVIL),
        one("aws_iam_user", name=EVIL, arn=f"arn:aws:iam::{P}:user/{EVIL}"),
        one("aws_iam_user_policy", user=EVIL, policy=policy("rds:*")),
        one("aws_vpc", id=EVIL),
        one("aws_organizations_account", id=P, name=EVIL),
    ]  # fmt: skip
    text = toml(domains([state(tmp_path, *evil)], EVIL), [EVIL])
    assert "\x1b" not in text
    assert "\u202e" not in text
    loaded = tomllib.loads(text)
    assert list(loaded) == ["domain"]
    ((name, table),) = loaded["domain"].items()
    assert name.replace("-", "").isalnum()
    assert table["organisation"] == EVIL
    assert table["writers"] == [f"arn:aws:iam::{P}:user/{EVIL}"]


@given(st.text())
def test_a_quoted_text_is_read_back(text: str):
    assert tomllib.loads(f"a = {quoted(text)}") == {"a": text}


def test_a_lone_surrogate_is_replaced():
    assert tomllib.loads(f"a = {quoted(chr(0xD800))}") == {"a": "\ufffd"}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 100_000, '{"values": 1}', '{"values": {"root_module": []}}', "\xff"],
)
def test_what_is_no_state_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "state.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInputError, match="terraform show -json"):
        read(path)


def test_resources_without_a_form_are_named_and_the_others_stay(tmp_path: Path):
    bad: list[Any] = [1, None, {"address": 1}, {"address": "a", "type": "t"}]
    found = read(state(tmp_path, *bad, bucket()))
    assert [held.name for each in found.domains for held in each.holdings] == ["b"]
    assert len(found.warnings) == 4


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS = [
    *("aws_s3_bucket", "aws_db_instance", "aws_iam_role", "aws_iam_policy", "aws_backup_plan"),
    *("aws_iam_group_membership", "aws_s3_bucket_policy", "aws_iam_policy_attachment"),
    *("aws_s3_bucket_object_lock_configuration", "google_sql_database_instance", "aws_vpc"),
    *("aws_cloudwatch_log_group", "aws_organizations_account"),
]


@given(VALUES, st.sampled_from(KINDS))
def test_attributes_of_any_form_stop_nothing(tmp_path_factory: Any, value: Any, kind: str):
    names = ("bucket", "identifier", "name", "arn", "id", "policy", "users", "rule", "settings",
             "inline_policy", "managed_policy_arns", "backup_retention_period", "group", "project",
             "retention_in_days", "policy_arn")  # fmt: skip
    values = {**dict.fromkeys(names, value), "bucket": "b", "name": "n"}
    path = state(
        tmp_path_factory.mktemp("t"), one(kind, **values), one(kind, **dict.fromkeys(names, value))
    )
    tomllib.loads(toml(read(path), ["s"]))


def test_modules_in_modules_without_end_stop_nothing(tmp_path: Path):
    """Deeper than Python's own stack: the reader of JSON gives up, and says so."""
    inner = '{"resources": []}'
    for _ in range(400):
        inner = '{"address": "module.m", "child_modules": [' + inner + "]}"
    path = tmp_path / "state.json"
    path.write_text('{"values": {"root_module": ' + inner + "}}")
    assert read(path).domains == []


def test_a_pattern_of_many_stars_takes_no_time():
    start = time.process_time()
    assert not matches("*a" * 200 + "b", "a" * 5000)
    assert time.process_time() - start < 20  # a pattern that goes back takes longer than the sun


@given(st.text("ab*?", max_size=6), st.text("ab", max_size=6))
def test_wildcards_as_a_regular_expression_reads_them(pattern: str, text: str):
    import re

    expected = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    assert matches(pattern, text) == (re.fullmatch(expected, text) is not None)


def test_the_command_prints_toml_and_says_what_it_could_not_read(tmp_path: Path):
    path = str(state(tmp_path, {"a": 1}, bucket()))
    out = CliRunner().invoke(app, ["domains", path, "--organisation", "acme"])
    assert out.exit_code == 0
    assert "domain" in tomllib.loads(out.stdout)
    assert "expected address, type and values" in out.stderr
    out = CliRunner().invoke(app, ["domains", str(CORPUS), "--format", "json"])
    assert len(json.loads(out.stdout)["domains"]) == 4
