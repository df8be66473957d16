//! What every `Store` must do, whatever keeps it. Each implementation runs the whole suite with
//! `contract_suite!`.

pub(super) mod access;
pub(super) mod attachments;
pub(super) mod log;
pub(super) mod logs;
pub(super) mod people;
pub(super) mod push;
pub(super) mod scheduled;
pub(super) mod states;
pub(super) mod templates;
pub(super) mod trace;
pub(super) mod webhooks;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use hither_protocol::{
    AccountName, Action, DeviceId, DeviceKind, Format, Message, MessageId, Priority, PublisherId,
    PublisherRef, Timestamp,
};
use tokio::sync::mpsc::UnboundedReceiver;
use uuid::Uuid;

use super::{
    AccountRecord, Appended, Clock, Committed, DeviceRecord, Entry, Grantee, NewMessage,
    NewSession, Page, Position, PublisherRecord, Reader, Receivers, Store, StoreError, What,
};

/// One place where a store under test lives; opening it again finds what was there.
pub(super) trait Bed: Default {
    fn open(&self, clock: Clock) -> Arc<dyn Store>;
}

macro_rules! contract_suite {
    ($bed:ty: $($area:ident { $($case:ident)* })*) => {
        $(mod $area {
            use super::*;

            $(#[tokio::test]
            async fn $case() {
                crate::store::contract::$area::$case(<$bed>::default()).await;
            })*
        })*
    };
    ($bed:ty) => {
        contract_suite! { $bed:
            people {
                a_name_is_taken_once
                accounts_and_publishers_survive_reopening
                the_oldest_of_three_secrets_goes
                a_client_has_one_session
                two_applications_on_a_device_are_two_clients
                a_device_id_means_nothing_to_another_account
                a_session_ends_with_its_tokens
                a_revoked_session_is_told_from_a_replaced_one
                a_new_password_ends_all_sessions
                a_renewed_hash_ends_no_session
                a_disabled_account_is_shut_out
                an_expiry_slides_once_a_day
                an_administrators_session_never_slides
                a_removed_account_leaves_nothing
                an_ack_never_goes_back
                settings_are_kept_and_announced
                a_changed_password_keeps_one_session
                a_removed_device_takes_its_clients_along
                a_notice_is_for_a_new_device_where_another_is_in_use
                a_notice_is_kept_from_the_device_it_is_about
            }
            push {
                a_registration_takes_the_place_of_the_one_before
                b6_a_phone_is_one_clients
                b6_a_registration_ends_with_its_session
                a_registration_is_good_for_its_time
                a_device_that_says_it_is_another_must_register_anew
            }
            attachments {
                an_upload_waits_for_its_message
                a_file_ends_with_the_last_that_needs_it
                a_file_goes_with_a_message_taken_back
                a_quota_counts_each_content_once
                a_file_without_a_row_is_found
                a_held_file_stays_until_the_row_is_there
            }
            log {
                a6_positions_rise_in_commit_order
                a6_cursors_survive_equal_timestamps_and_a_clock_set_back
                a6_pages_end_where_they_say
                a_repeated_publish_gets_the_first_answer
                unknown_and_disabled_receivers_are_dropped
                accounts_never_see_each_other
                read_anywhere_is_read_once
                shown_and_read_messages_are_not_pending
                what_popped_up_lately_and_nobody_saw_is_unseen
                expired_messages_are_passed_over
                small_pages_travel_inside_large_ones_beside
                one_failing_request_among_many_fails_alone
                commits_are_announced_before_they_are_answered
                an_action_is_recorded_for_its_owner_only
                a9_what_was_answered_is_there_after_reopening
                a_closed_store_says_so
            }
            logs {
                d4_what_is_for_everyone_is_one_row_for_all
                d4_a_new_account_finds_the_newest_public_messages_silently
                what_is_for_everyone_is_read_by_each_alone
                a_topic_is_read_from_subscribing_to_leaving
                who_left_a_topic_misses_nothing_of_it
                joining_and_leaving_a_silent_topic_leaves_no_trace
                a_topics_log_is_read_by_position_and_by_time
                a_message_for_many_logs_has_one_position
                whoever_is_reached_twice_is_counted_once
                b1_b2_a_token_is_exactly_one_client
                b5_what_a_client_reads_stays_its_own
                b1_b6_a_token_dies_with_its_session_and_with_another_account
                b3_an_application_is_reached_in_its_range
                b3_upgrading_into_the_range_brings_it_behind_the_cursor
                d5_a_key_replaces_at_every_receiver
                a_recall_is_the_publishers_own
                expired_messages_are_withdrawn_once
                a_ttl_of_zero_is_only_for_who_is_connected
                a6_time_is_asked_inclusively_in_order_of_position
                a9_retention_leaves_a_gap_for_whoever_was_not_there
                what_nobody_misses_leaves_no_gap
                d5_what_retention_took_is_withdrawn_from_who_has_it
                what_stands_in_another_log_is_withdrawn_from_all
                what_retention_took_is_known_as_long_again
                who_left_a_topic_learns_what_became_of_what_went
            }
            scheduled {
                what_is_scheduled_comes_once_at_its_time
                a_time_that_has_passed_is_no_wait
                overdue_messages_come_in_order_after_reopening
                the_clock_may_be_set
                it_comes_to_those_who_are_there_at_its_time
                a_publisher_reaches_only_whom_it_may_at_that_time
                a_publisher_says_only_what_it_may_at_that_time
                what_is_withdrawn_before_its_time_never_comes
                of_a_key_the_newest_publish_counts
                each_receivers_own_is_filled_at_the_publish
                its_time_counts_from_when_it_comes
                so_many_may_wait
                a_topics_waiting_messages_are_their_publishers_own
                the_newest_messages_are_those_that_came_last
            }
            states {
                a_message_is_delivered_once_a_device_has_it
                names_are_only_of_those_who_were_addressed_by_name
                a_client_addressed_by_token_has_its_own_states
                what_went_before_it_came_is_not_delivered
                reading_is_told_with_consent_only
                states_are_the_publishers_own_and_come_in_parts
            }
            trace {
                a_trace_is_kept_in_order_for_its_account
                nobody_is_told_why_of_a_message_not_theirs
                a_trace_has_bounds
                steps_about_what_is_gone_are_left_out
            }
            access {
                the_first_publisher_owns_a_topic
                a_message_claims_its_topics_and_a_refused_one_none
                a_topic_that_is_nobodys_goes
                grants_are_given_and_taken_back
                a_private_topic_shuts_out_who_has_no_grant
                an_account_has_one_publisher_of_its_own
                what_ntfys_clients_alone_understand_is_kept
            }
            webhooks {
                a_webhook_is_its_publishers_own
                each_state_is_told_once_in_order
                a_publisher_is_told_no_more_than_it_may_ask
                a_webhook_is_told_what_it_wants
                one_failure_lets_others_pass_and_further_ones_wait
                what_is_not_understood_holds_up_no_other
                a_receiver_that_is_gone_is_asked_no_more
                a_test_ends_the_wait
                a_disabled_publisher_is_told_later
                what_is_shown_was_delivered
                what_waits_has_bounds
                the_key_before_signs_for_a_day
            }
            templates {
                d3_each_receiver_gets_its_own
                d3_without_fields_and_records_braces_are_text
                d3_one_missing_value_stores_nothing
                d3_a_large_page_is_each_receivers_own
                d3_all_of_a_publish_has_a_bound
                d3_a_key_replaces_what_each_receiver_got
            }
        }
    };
}
pub(super) use contract_suite;

/// A clock that tests set.
#[derive(Clone)]
pub(super) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_000)))
    }

    pub(super) fn clock(&self) -> Clock {
        let hands = self.clone();
        Arc::new(move || hands.now())
    }

    pub(super) fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    pub(super) fn turn(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A store with the accounts `ada` and `bob` and one publisher.
pub(super) struct Scene<B> {
    pub(super) bed: B,
    pub(super) hands: Hands,
    pub(super) store: Arc<dyn Store>,
}

impl<B: Bed> Scene<B> {
    pub(super) async fn new(bed: B) -> Self {
        let hands = Hands::new();
        let store = bed.open(hands.clock());
        for name in ["ada", "bob"] {
            store.add_account(an_account(name)).await.unwrap();
        }
        store.add_publisher(a_publisher()).await.unwrap();
        Self { bed, hands, store }
    }

    /// Closes the store and opens it again.
    pub(super) async fn reopen(self) -> Self {
        let Self { bed, hands, store } = self;
        store.close().await;
        drop(store);
        let store = bed.open(hands.clock());
        Self { bed, hands, store }
    }

    /// Publishes one message and answers its id.
    pub(super) async fn publish(&self, to: &[&str]) -> MessageId {
        self.store.publish(a_message(to)).await.unwrap().id
    }

    pub(super) async fn whole_log(&self, account: &str) -> Page {
        self.page(account, Position(0), 1000).await
    }

    pub(super) async fn page(&self, account: &str, after: Position, limit: usize) -> Page {
        let reader = Reader::Inbox(name(account));
        let page = self.store.page(&reader, after, None, limit).await;
        page.unwrap()
    }

    pub(super) async fn sign_in(&self, account: &str, device: &str, token: u8) -> NewSession {
        let session = a_session(account, device, token, self.hands.now());
        self.store.create_session(session.clone()).await.unwrap();
        session
    }
}

/// Wherever the store is.
pub(crate) const NEWEST: Position = Position(u64::MAX);

pub(crate) fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

/// The inbox of an account.
pub(crate) fn inbox(text: &str) -> Reader {
    Reader::Inbox(name(text))
}

pub(super) fn device(text: &str) -> DeviceId {
    text.parse().unwrap()
}

pub(super) fn publisher_id() -> PublisherId {
    "app-1234567890123456".parse().unwrap()
}

pub(crate) fn an_account(text: &str) -> AccountRecord {
    AccountRecord {
        name: name(text),
        password_hash: "$argon2id$".to_owned(),
        admin: false,
        disabled_at: None,
        created_at: Hands::new().now(),
    }
}

pub(crate) fn a_publisher() -> PublisherRecord {
    PublisherRecord::new(
        publisher_id(),
        "Build".to_owned(),
        vec![[1; 32]],
        Hands::new().now(),
    )
}

fn an_action(id: &str) -> Action {
    Action {
        id: id.to_owned(),
        label: id.to_owned(),
        url: None,
    }
}

pub(crate) fn a_message(to: &[&str]) -> NewMessage {
    NewMessage {
        message: Message {
            id: MessageId(Uuid::now_v7()),
            publisher: PublisherRef {
                id: publisher_id(),
                name: "Build".to_owned(),
            },
            application: None,
            topic: None,
            title: "Done".to_owned(),
            body: "The build is done".to_owned(),
            format: Format::Plain,
            html: None,
            url: None,
            priority: Priority::Default,
            tags: vec![],
            icon: None,
            actions: ["yes", "no"].map(an_action).to_vec(),
            attachments: vec![],
            key: None,
            created_at: Timestamp::UNIX_EPOCH,
            expires_at: None,
            read_at: None,
        },
        html: None,
        to: Receivers::accounts(to.iter().map(|text| name(text)).collect()),
        by: Grantee::Publisher(publisher_id()),
        deliver_at: None,
        ttl: None,
        idempotency: None,
        ntfy: None,
        fields: None,
    }
}

pub(crate) fn a_session(account: &str, id: &str, token: u8, now: Timestamp) -> NewSession {
    NewSession {
        account: name(account),
        device: DeviceRecord {
            id: device(id),
            name: "Desk".to_owned(),
            platform: "linux".to_owned(),
            kind: DeviceKind::Desktop,
        },
        replaces: None,
        application: ("hither".to_owned(), "1.0.0".to_owned()),
        token: [token; 32],
        message_token: format!("address-{account}-{id}-{token}"),
        expires_at: in_days(now, 60),
        notice: None,
    }
}

pub(super) fn in_days(now: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_millisecond(now.as_millisecond() + days * 24 * 3_600_000).unwrap()
}

pub(super) fn positions(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.position.0).collect()
}

pub(super) fn new_entries(appended: &[Appended]) -> Vec<Entry> {
    appended.iter().map(|one| (*one.entry).clone()).collect()
}

pub(super) fn messages(page: &Page) -> Vec<&Message> {
    page.entries
        .iter()
        .filter_map(|entry| match &entry.what {
            What::Message(message) => Some(&**message),
            _ => None,
        })
        .collect()
}

pub(super) fn ids(page: &Page) -> Vec<MessageId> {
    messages(page).iter().map(|message| message.id).collect()
}

/// Everything announced so far.
pub(crate) fn announced(news: &mut UnboundedReceiver<Committed>) -> Vec<Committed> {
    std::iter::from_fn(|| news.try_recv().ok()).collect()
}

pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, StoreError>) -> StoreError {
    result.expect_err("must be refused")
}
