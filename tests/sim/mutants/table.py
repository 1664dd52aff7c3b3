"""What is planted: each mutant, the promise it breaks, and as what it may be found. The patch stands beside this file."""

from __future__ import annotations

import msgspec


class Mutant(msgspec.Struct, frozen=True):
    """promise: which one it breaks.   by: promises whose failure counts as found; "live" and "fault" as `promises.Violation` says.
    seeds: how many worlds the last hunt took."""

    name: str
    promise: str
    by: tuple[str, ...]
    seeds: int
    what: str


MUTANTS = {
    mutant.name: mutant
    for mutant in (
        Mutant("canary", "I1", ("I1", "I3"), 1, "orders leave as soon as they are decided, before their intent is durable"),
        Mutant("no_sync", "I1", ("I1", "I9"), 1, "a group is told durable when it was written, without the sync"),
        Mutant("entry_retried_new_id", "I3", ("I3",), 9, "an entry whose outcome is unknown is tried again under a new id"),
        Mutant(
            "resent_after_loss", "I3", ("I3",), 48,
            "an order that was lost with its link is written again under its id once the link is back",
        ),
        Mutant("lost_is_rejected", "I2", ("I2", "I4"), 10, "an order whose write broke off counts as refused by the venue"),
        Mutant(
            "never_too_early", "I2", ("I2",), 48,
            "not found by the venue counts as proof at once, without the time its messages may still take",
        ),
        Mutant("never_on_same_link", "I2", ("I2",), 149, "not found on the connection the order was written on counts as proof"),
        Mutant("entries_while_unknown", "I2", ("I2",), 9, "entries go on while the outcome of an order is unknown"),
        Mutant("no_resync", "I2", ("I2", "I4"), 14, "after a connect nothing is asked: the link counts as reconciled at once"),
        Mutant("cancel_not_repeated", "I2", ("I2",), 10, "a cancel that was lost with a link is not asked again"),
        Mutant("fills_booked_twice", "I4", ("I4",), 1, "an execution that comes again is booked again"),
        Mutant(
            "missed_fills_dropped", "I4", ("I4", "live"), 1,
            "of the executions that the stream did not bring the newest is not asked for",
        ),
        Mutant("late_fill_dropped", "I4", ("I4",), 53, "a fill of an order that was cancelled before is not booked"),
        Mutant("exits_need_active", "I5", ("I5",), 1, "the send gate lets exits pass only while the account is active"),
        Mutant("exits_need_fresh_price", "I5", ("I5",), 2, "an exit is held to the age of price that an entry is"),
        Mutant(
            "stops_left_to_venue", "I5", ("I5",), 137,
            "a stop that is broken is left to the venue, also where no stop rests there",
        ),
        Mutant("stop_keeps_first_size", "I5", ("I5",), 77, "a stop at the venue is not amended when the position grows"),
        Mutant("size_not_limited", "I6", ("I6",), 6, "the largest value of an order is not checked"),
        Mutant("exits_not_netted", "I6", ("I6",), 1, "a close does not count what already works to close the position"),
        Mutant("gate_asked_once", "I7", ("I7", "I12"), 43, "the send gate is not asked again after the wait for the disk"),
        Mutant("halt_forgotten", "I7", ("I7", "I8"), 2, "a start does not know the holds of the life before"),
        Mutant("halt_told_too_early", "I7", ("I7",), 2, "a halt is acknowledged before it is durable"),
        Mutant("resume_by_restart", "I7", ("I7",), 45, "a clean start lifts what the operator had halted"),
        Mutant("tail_begins_late", "I8", ("I8",), 1, "after a snapshot the first fact of the tail is not folded"),
        Mutant("fold_reads_setting", "I8", ("I8",), 1, "the live book knows something that no fact told it"),
        Mutant(
            "torn_tail_kept", "I9", ("I9", "fault", "live"), 4,
            "what a crash left unsynced or torn at the end is not cut and not written anew",
        ),
        Mutant(
            "unsynced_tail_believed", "I9", ("I9", "I1", "fault"), 4,
            "records that a kill left in the page cache are not written anew",
        ),
        Mutant(
            "segment_not_synced", "I9", ("I9", "fault", "live"), 8,
            "the directory is not synced after a new segment got its name",
        ),
        Mutant("sync_error_ignored", "I10", ("I10", "I1", "I9", "fault"), 70, "an input/output error of a sync is ignored"),
        Mutant(
            "sync_retried", "I10", ("I10", "I1", "I9", "fault"), 4,
            "a sync that failed is tried once more, and then it succeeds",
        ),
        Mutant("sender_waits_for_disk", "I11", ("I11",), 8, "the sender looks at the disk once more before each order"),
        Mutant("sender_waits_for_questions", "I11", ("I11",), 9, "orders wait while the venue is being asked about others"),
        Mutant("stale_price_sent", "I12", ("I12",), 43, "the age of the price is not asked again right before the send"),
        Mutant("quotes_stamped_by_us", "I12", ("I12",), 17, "a quote counts as new as its arrival, whatever its venue says"),
        Mutant("crossed_quote_believed", "I12", ("I12",), 1, "a quote whose bid stands above its ask is believed"),
        Mutant("spike_believed", "I12", ("I12",), 13, "one print far outside the band is a new level"),
        Mutant("second_daemon_unseen", "I13", ("I13",), 1, "orders under our name that we never intended ring no bell"),
        Mutant("takeover_ignored", "I13", ("I13",), 3, "a session that somebody took counts as any lost link"),
        Mutant("hold_not_told", "I14", ("I14",), 1, "a rule that stops new risk tells nobody"),
        Mutant("drift_not_told", "I14", ("I14",), 5, "a position that differs from the venue is noted and nobody is told"),
        Mutant("breaker_not_told", "I14", ("I14",), 37, "the daily loss trips and nobody is told"),
        Mutant("task_for_each_step", "I15", ("I15",), 1, "each step that had facts leaves a task that waits for ever"),
        Mutant("rate_not_limited", "I15", ("I15",), 2, "entries a minute are not counted"),
        Mutant("no_backoff", "I15", ("I15", "live"), 1, "a lost link is tried again at once, without a pause that grows"),
        Mutant(
            "again_unlisted_entry", "I5", ("I5", "fault"), 8,
            "an entry that works in an instrument which is not listed yet ends the daemon",
        ),
        Mutant(
            "again_throttled_is_refused", "I5", ("I5", "live"), 1,
            "a question that was asked too often counts as a refused login, and three of those as five minutes away",
        ),
        Mutant("again_same_ids", "I3", ("I3",), 1, "two daemons with journals of their own make the same ids of orders"),
        Mutant("again_crash_loop_not_told", "I14", ("I14",), 50, "a crash loop halts and nobody is told"),
        Mutant(
            "again_refused_logins_not_paced", "I5", ("I5", "live"), 32,
            "three logins refused within half a second are five minutes without a link",
        ),
        Mutant(
            "again_resumed_on_full_journal", "I10", ("I10",), 30,
            "a journal that writes its last words may be resumed on, and uses them up",
        ),
        Mutant(
            "parts_again_after_restart", "I3", ("I3",), 7,
            "a start takes the next part of an entry as still to go, though it went",
        ),
        Mutant("micro_time_forgotten", "I5", ("I5",), 33, "a start does not know what is held for hours only"),
        Mutant("twins_forgotten", "I3", ("I3", "I9"), 3, "a start does not know which recommendations were decided"),
        Mutant("lots_not_split", "I4", ("I4",), 4, "a split leaves the tax lots as they were"),
        Mutant("idea_told_too_early", "I9", ("I9",), 3, "a recommendation is answered before its decision is durable"),
        Mutant("event_told_too_early", "I9", ("I9",), 16, "a market event is acknowledged before it is durable"),
        Mutant("file_away_before_answer", "I9", ("I9",), 55, "a file is put away before its answer is written"),
        Mutant("notice_not_booked", "I14", ("I14", "I3", "I15"), 9, "what was delivered is not journaled"),
        Mutant("notice_limit_forgotten", "I15", ("I15",), 16, "a start does not count what was told within the hour"),
        Mutant("silence_is_delivered", "I14", ("I14",), 105, "a message that nobody answered counts as delivered"),
    )
}  # fmt: skip
