package pli.app.session

import pli.InvitationProblem
import pli.KeyProblem
import pli.PliException
import pli.Subject
import pli.app.R
import pli.app.ui.Sentence
import pli.app.ui.say

/** What happened, what Pli does about it, and what the person can do. */
fun PliException.sentence(): Sentence = say(
    when (this) {
        is PliException.Unavailable -> R.string.problem_unavailable
        is PliException.StoreInUse -> R.string.problem_store_in_use
        is PliException.Invalid -> when (what) {
            Subject.TEXT -> R.string.problem_invalid_text
            Subject.NAME -> R.string.problem_invalid_name
            Subject.INVITATION -> R.string.welcome_bad_link
            else -> R.string.problem_invalid
        }
        is PliException.StorageFull -> R.string.problem_storage_full
        is PliException.NotAllowed -> R.string.problem_not_allowed
        is PliException.NotFound -> R.string.problem_not_found
        is PliException.InvitationRefused -> when (why) {
            InvitationProblem.UNKNOWN -> R.string.welcome_unknown
            InvitationProblem.USED -> R.string.welcome_used
            InvitationProblem.EXPIRED -> R.string.welcome_expired
            InvitationProblem.WRONG_SERVER -> R.string.welcome_wrong_organisation
        }
        is PliException.ClockWrong -> R.string.problem_clock_wrong
        is PliException.KeyUnavailable -> when (why) {
            KeyProblem.LOCKED -> R.string.problem_locked
            KeyProblem.MISSING, KeyProblem.WRONG -> R.string.problem_key_gone
        }
        is PliException.UpdateRequired -> R.string.problem_update
        is PliException.NotEnrolled, is PliException.Revoked -> R.string.problem_out
        is PliException.Damaged -> R.string.problem_damaged
        is PliException.AlreadyEnrolled, is PliException.Closed, is PliException.Internal -> R.string.problem_closed
    },
)
