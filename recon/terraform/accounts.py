"""Which account a resource is in: by its own words, else by those of its module."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from recon.terraform.state import Resource

_AWS = re.compile(r"[0-9]{12}")
_SUBSCRIPTION = re.compile(r"/subscriptions/([0-9a-fA-F-]{36})(?:/|$)")
_PARTS = 6
"""``arn:partition:service:region:account:resource``."""
_LONGEST = 40
"""Characters of a domain's name that are taken of an account's or a cluster's."""


def arn_account(arn: str) -> str | None:
    """The account in an ARN; null where it names none, as those of S3 do."""
    parts = arn.split(":", _PARTS - 1)
    if len(parts) == _PARTS and parts[0] == "arn" and _AWS.fullmatch(parts[4]):
        return f"aws:{parts[4]}"
    return None


class Accounts:
    """The accounts of some states, with what they are called there."""

    def __init__(self, resources: Sequence[Resource]) -> None:
        self.names: dict[str, str] = {}
        self.organisation: str | None = None
        self.networks: list[str] = []
        self._by_module: dict[str, set[str]] = {}
        for one in resources:
            if one.type == "aws_organizations_organization" and self.organisation is None:
                number = one.text("id")
                self.organisation = f"aws-organisation:{number}" if number else None
            if one.type == "aws_organizations_account":
                # A member account: the resource itself lies in the one that manages it.
                number, name = one.text("id"), one.text("name")
                if number and name and _AWS.fullmatch(number):
                    self.names[f"aws:{number}"] = name
                continue
            said = self.said(one)
            if said is not None:
                self._by_module.setdefault(one.module, set()).add(said)
        for one in resources:
            if one.type in {"aws_vpc", "google_compute_network", "azurerm_virtual_network"}:
                named = one.text("id", "name") or one.address
                self.networks.append(f"{named} in {self.of(one) or 'an account not said'}")

    @staticmethod
    def said(one: Resource) -> str | None:
        """The account that a resource's own attributes name."""
        for name in ("arn", "id"):
            value = one.text(name)
            if value and (account := arn_account(value)):
                return account
            if value and (match := _SUBSCRIPTION.match(value)):
                return f"azure:{match[1].lower()}"
        for name in ("account_id", "owner_id", "expected_bucket_owner"):
            value = one.text(name)
            if value and _AWS.fullmatch(value):
                return f"aws:{value}"
        project = one.text("project")
        return f"gcp:{project}" if project and one.type.startswith("google_") else None

    def of(self, one: Resource) -> str | None:
        """Its own account; else the only one of its module, or of the nearest around it."""
        said = self.said(one)
        if said is not None:
            return said
        for module in _around(one.module):
            inside = {
                account
                for name, accounts in self._by_module.items()
                if name == module or not module or name.startswith(module + ".")
                for account in accounts
            }
            if len(inside) == 1:
                return next(iter(inside))
            if inside:
                return None
        return None

    def named(self, account: str, cluster: str) -> str:
        """A name for a domain, of the letters that ``case.toml`` takes."""
        first = self.names.get(account, account) or "account-not-said"
        return "-".join(filter(None, (_slug(first), _slug(cluster)))) or "domain"


def _around(module: str) -> Iterator[str]:
    while module:
        yield module
        module = module.rpartition(".module.")[0] if ".module." in module else ""
    yield ""


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST].strip("-")
