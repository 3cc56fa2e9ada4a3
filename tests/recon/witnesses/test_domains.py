"""Two sources are witnesses of each other only as far as nobody could have written both."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.config import Domain
from recon.witnesses.domains import LEVELS, Principals, apart, stronger

NOBODY = Principals()


def between(first: Domain, second: Domain, *writers: Principals):
    one, other = writers or (NOBODY, NOBODY)
    return apart(("a", first, one), ("b", second, other))


def test_other_organisations_are_the_best_witness():
    found = between(Domain(organisation="acme", account="1"), Domain(organisation="auditors"))
    assert (found.witness, found.level) == ("organisation", "organisation")
    assert found.unknown == ("account", "cluster", "team", "principal")


def test_other_accounts_of_one_organisation():
    found = between(
        Domain(organisation="acme", account="1"), Domain(organisation="acme", account="2")
    )
    assert (found.witness, found.level) == ("account", "account")


def test_an_account_that_is_not_declared_is_no_other_account():
    found = between(Domain(organisation="acme", account="1"), Domain(organisation="acme"))
    assert (found.witness, found.level) == ("self", None)
    assert "account" in found.unknown


@pytest.mark.parametrize("level", ["cluster", "team"])
def test_another_cluster_or_team_is_named_and_makes_no_other_account(level: str):
    one = Domain(organisation="acme", account="1", **{level: "x"})
    other = Domain(organisation="acme", account="1", **{level: "y"})
    found = between(one, other)
    assert (found.witness, found.level) == ("self", level)


def test_spelling_makes_no_other_organisation():
    found = between(Domain(organisation="ACME  Ltd"), Domain(organisation="acme ltd "))
    assert found.witness == "self"


def test_somebody_who_could_write_both_makes_them_one_witness():
    one, other = Domain(organisation="acme"), Domain(organisation="auditors")
    both = Principals({"arn:aws:iam::1:user/dba": "declared"})
    found = between(one, other, both, both)
    assert found.witness == "self"
    assert found.shared == ("arn:aws:iam::1:user/dba",)
    twin = Principals({"arn:aws:iam::9:user/clerk": "declared"})
    assert between(one, other, both, twin).witness == "organisation"


def test_a_name_that_may_be_two_people_is_told_and_decides_nothing():
    one, other = Domain(organisation="acme"), Domain(organisation="auditors")
    found = between(one, other, Principals({}, {"postgres": "e1"}), Principals({"postgres": "e2"}))
    assert found.witness == "organisation"
    assert found.perhaps == ("postgres",)


def test_one_domain_is_one_witness_whatever_it_declares():
    same = Domain(organisation="acme", account="1", writers=("a",))
    assert apart(("p", same, NOBODY), ("p", same, NOBODY)).witness == "self"


names = st.sampled_from([None, "x", "y", "X "])
domains = st.builds(
    lambda organisation, rest, writers: Domain(
        organisation=organisation, writers=writers, **dict(zip(LEVELS[1:4], rest, strict=True))
    ),
    st.sampled_from(["acme", "auditors"]),
    st.tuples(names, names, names),
    st.lists(st.sampled_from(["p", "q"]), unique=True).map(tuple),
)


def of(domain: Domain) -> Principals:
    return Principals(dict.fromkeys(domain.writers, "declared"))


@given(domains, domains)
def test_the_order_of_the_two_does_not_matter(first: Domain, second: Domain):
    found = [
        apart(*((str(id(one)), one, of(one)) for one in two))
        for two in permutations([first, second])
    ]
    assert found[0] == found[1]


@given(domains, domains)
def test_what_is_left_unsaid_never_makes_a_better_witness(first: Domain, second: Domain):
    """Taking a level away from one side can weaken a witness, and never strengthen it."""
    whole = between(first, second, of(first), of(second)).witness
    for level in LEVELS[1:4]:
        less = first.model_copy(update={level: None})
        assert not stronger(between(less, second, of(less), of(second)).witness, whole)
