//! What every engine must do. Run by tests against each implementation.

mod kept;
mod logs;
mod people;
mod rows;

use std::sync::Arc;

use pli_proto::pb::Reason;

use super::{Engine, EngineError};

/// Runs the whole suite; `make` gives a fresh, empty engine each time.
///
/// # Panics
/// Where the implementation does not conform.
pub async fn conformance<F: Future<Output = Arc<dyn Engine>>>(make: impl Fn() -> F) {
    logs::a_log_is_made_once(&*make().await).await;
    logs::entries_are_numbered_and_chained(&*make().await).await;
    logs::no_entry_is_received_before_the_last(&*make().await).await;
    logs::a_repeated_append_gets_the_first_answer(&*make().await).await;
    logs::other_bytes_are_another_entry(&*make().await).await;
    logs::a_stale_parent_is_refused(&*make().await).await;
    logs::who_read_another_log_is_told(&*make().await).await;
    logs::strangers_learn_nothing(&*make().await).await;
    rows::what_the_rank_allows_is_done_and_told(&*make().await).await;
    rows::a_whole_list_cuts_the_others(&*make().await).await;
    rows::without_an_owner_the_oldest_is_one(&*make().await).await;
    rows::cut_rows_read_to_their_end(&*make().await).await;
    rows::rows_of_devices_that_are_out_are_cut_by_anyone(&*make().await).await;
    rows::commits_are_budgeted(&*make().await).await;
    rows::who_brings_rows_in_shares_a_budget_until_they_are_named(&*make().await).await;
    rows::rows_are_bounded(&*make().await).await;
    logs::pages_are_bounded(&*make().await).await;
    kept::snapshots_are_bounded(&*make().await).await;
    kept::what_is_large_comes_back_whole_and_only_to_who_has_room(&*make().await).await;
    kept::pruned_messages_get_their_first_answer(&*make().await).await;
    kept::what_is_due_is_pruned_in_all_logs(&*make().await).await;
    logs::concurrent_appends_are_contiguous(make().await).await;
    people::an_invitation_is_used_once(&*make().await).await;
    people::keys_belong_to_one_device(&*make().await).await;
    people::a_device_was_last_here_on_its_latest_day(&*make().await).await;
    people::the_directory_tells_what_changed(&*make().await).await;
    people::the_revocation_list_goes_forward(&*make().await).await;
    people::departing_ends_devices_and_invitations(&*make().await).await;
    people::what_an_ended_issuer_signed_is_not_taken(&*make().await).await;
    people::key_packages_are_used_once(&*make().await).await;
    people::inboxes_keep_ids_and_bounds(&*make().await).await;
    people::inboxes_are_bounded_in_bytes_too(&*make().await).await;
    people::a_closed_engine_says_so(&*make().await).await;
}

fn reason<T: std::fmt::Debug>(result: Result<T, EngineError>) -> Reason {
    let error = result.expect_err("a refusal was expected");
    error.reason().unwrap_or_else(|| panic!("no refusal: {error}"))
}
