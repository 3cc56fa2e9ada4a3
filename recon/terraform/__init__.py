"""Domains from Terraform: who could write what, as ``terraform show -json`` prints its state.

A state says which accounts, clusters, buckets and databases there are, whom IAM lets write them,
and for how long backups are kept. It is what Terraform applied last, and not all there is: what was
made by hand is not in it. So what is printed is for a person to read and to paste.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recon.errors import UsageError
from recon.terraform.accounts import Accounts
from recon.terraform.holdings import Holding, holdings
from recon.terraform.iam import Iam
from recon.terraform.state import read


@dataclass(frozen=True, slots=True)
class Found:
    """One domain: everything that the same principals could write, in one account and cluster."""

    name: str
    organisation: str
    account: str | None
    """``aws:111122223333``, ``azure:…``, ``gcp:…``; None: the state does not say."""
    cluster: str | None
    writers: Sequence[str]
    holdings: Sequence[Holding]


@dataclass(frozen=True, slots=True)
class Domains:
    """What states say of domains."""

    domains: Sequence[Found]
    networks: Sequence[str]
    """VPCs, by id and account."""
    warnings: Sequence[str]

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return asdict(self)


def domains(paths: Sequence[Path], organisation: str | None = None) -> Domains:
    """Read states, and group what they hold by account, cluster and who could write it.

    Args:
        paths: what ``terraform show -json`` printed, one file a state or a plan.
        organisation: who is answerable; else the id of the AWS organisation in the states.

    Raises:
        UsageError: nothing says whose organisation it is.
        BadInputError: a file is no state.
    """
    warnings: list[str] = []
    resources = [one for path in paths for one in read(path, warnings)]
    accounts = Accounts(resources)
    answerable = organisation or accounts.organisation
    if answerable is None:
        raise UsageError(
            "the organisation that is answerable",
            "none: no aws_organizations_organization is in the state",
            "--organisation",
            "name it, as in --organisation acme",
        )
    iam = Iam(resources, warnings)
    grouped: dict[tuple[str, str, tuple[str, ...]], list[Holding]] = {}
    for one in holdings(resources, accounts):
        key = (one.account or "", one.cluster or "", iam.writers(one))
        grouped.setdefault(key, []).append(one)
    taken: dict[str, int] = {}
    out = []
    for (account, cluster, writers), held in sorted(grouped.items()):
        name = accounts.named(account, cluster)
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name = f"{name}-{taken[name]}"
        out.append(Found(name, answerable, account or None, cluster or None, writers, held))
    return Domains(out, accounts.networks, warnings)
