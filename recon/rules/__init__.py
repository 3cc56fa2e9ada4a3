"""The catalogue: every rule, one a file, in the order in which they are run and listed."""

from __future__ import annotations

from recon.rules.altered_on_re_registration import altered_on_re_registration
from recon.rules.artifact_swapped_behind_name import artifact_swapped_behind_name
from recon.rules.backdated_record import backdated_record
from recon.rules.base import Draft, Rule, Timeline
from recon.rules.branch_deleted_with_unmerged_work import branch_deleted_with_unmerged_work
from recon.rules.broken_digest_chain import broken_digest_chain
from recon.rules.bulk_delete import bulk_delete
from recon.rules.clock_skew import clock_skew
from recon.rules.clock_step import clock_step
from recon.rules.deploy_without_record import deploy_without_record
from recon.rules.digest_conflict import digest_conflict
from recon.rules.evaluated_other_bytes import evaluated_other_bytes
from recon.rules.history_rewritten_with_dates_kept import history_rewritten_with_dates_kept
from recon.rules.hotfix_window import hotfix_window
from recon.rules.impossible_order import impossible_order
from recon.rules.log_gap import log_gap
from recon.rules.log_rewritten import log_rewritten
from recon.rules.lost_in_restore import lost_in_restore
from recon.rules.manifest_after_artifact import manifest_after_artifact
from recon.rules.manifest_does_not_list_artifact import manifest_does_not_list_artifact
from recon.rules.migration_signed_off import migration_signed_off
from recon.rules.overwritten_artifact import overwritten_artifact
from recon.rules.overwritten_null import overwritten_null
from recon.rules.re_registered import re_registered
from recon.rules.record_without_deploy import record_without_deploy
from recon.rules.release_archive_differs_from_tag import release_archive_differs_from_tag
from recon.rules.release_order import release_order
from recon.rules.released_from_vanished_version import released_from_vanished_version
from recon.rules.restore_postdates_release import restore_postdates_release
from recon.rules.rewritten_ref import rewritten_ref
from recon.rules.self_recorded import self_recorded
from recon.rules.store_apart import store_apart
from recon.rules.tag_moved import tag_moved
from recon.rules.unbacked_deploy import unbacked_deploy
from recon.rules.unlisted_version import unlisted_version
from recon.rules.unverified_signature import unverified_signature
from recon.rules.vanished_row import vanished_row
from recon.rules.vanished_version import vanished_version

RULES: tuple[Rule, ...] = (
    re_registered,
    altered_on_re_registration,
    vanished_row,
    lost_in_restore,
    restore_postdates_release,
    digest_conflict,
    unbacked_deploy,
    vanished_version,
    unlisted_version,
    released_from_vanished_version,
    overwritten_null,
    bulk_delete,
    tag_moved,
    rewritten_ref,
    history_rewritten_with_dates_kept,
    branch_deleted_with_unmerged_work,
    release_archive_differs_from_tag,
    unverified_signature,
    log_rewritten,
    log_gap,
    broken_digest_chain,
    manifest_after_artifact,
    overwritten_artifact,
    artifact_swapped_behind_name,
    manifest_does_not_list_artifact,
    release_order,
    deploy_without_record,
    record_without_deploy,
    evaluated_other_bytes,
    hotfix_window,
    self_recorded,
    store_apart,
    migration_signed_off,
    impossible_order,
    backdated_record,
    clock_step,
    clock_skew,
)

__all__ = ["RULES", "Draft", "Rule", "Timeline", "rule_names"]


def rule_names() -> list[str]:
    """Names of all rules."""
    return [rule.name for rule in RULES]
