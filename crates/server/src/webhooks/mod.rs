//! Tells publishers what becomes of their messages: what the store queued is signed and posted to
//! their webhooks, each in order, again and again until it arrives or is too old.
//!
//! A webhook's events are posted one after another by a task that lives while something can be
//! sent. What is posted is forgotten only after its answer: a crash in between posts it again,
//! with the same `webhook-id`. While the answer cannot be written down, on a full disk, it is kept in
//! memory, and nothing else is posted to that webhook.

mod posted;
mod schedule;
mod signature;

use core::time::Duration;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep};

pub(crate) use self::posted::Posted;
pub(crate) use self::schedule::OLD_EVENTS_STAY;
pub use self::signature::SigningKey;
use crate::accounts::clock;
use crate::metrics::{Dropped, Try};
use crate::outbound::{OutboundError, Target};
use crate::secret;
use crate::serve::App;
use crate::store::{DueWebhook, Event, Outcome, StoreError, WebhookNumber};

/// Webhooks that are posted to at the same time.
const AT_ONCE: usize = 64;
/// And of these, webhooks of one publisher: receivers that hang hold up few others.
const AT_ONCE_EACH: usize = 2;
/// The wall clock is looked at so often: it may be set, and timers stop while a machine sleeps.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// After so long it is another webhook's turn.
const TURN: Duration = Duration::from_secs(30);
/// How long to wait where the store does not answer.
const BREATHER: Duration = Duration::from_secs(5);
/// How long to wait before an outcome that could not be noted is tried again; twice as long each
/// time, up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Posts what waits until `closed` says that the server stops, and then only ends what is under
/// way.
pub(crate) async fn keep_posting(app: Arc<App>, mut closed: watch::Receiver<()>) {
    let news = app.accounts.events();
    let mut busy = Busy::default();
    loop {
        let wait = match look(&app, &closed, &mut busy).await {
            Ok(wait) => wait,
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(%error, "webhooks not looked at");
                BREATHER
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = news.notified() => {}
            Some(ended) = busy.tasks.join_next_with_id() => busy.forget(&ended),
            _ = closed.changed() => break,
        }
    }
    while busy.tasks.join_next().await.is_some() {}
}

/// Webhooks with a task.
#[derive(Default)]
struct Busy {
    webhooks: HashMap<Id, DueWebhook>,
    tasks: JoinSet<()>,
    /// Which turn was each webhook's last.
    turns: HashMap<WebhookNumber, u64>,
    turn: u64,
}

impl Busy {
    /// Whether another task may begin for this webhook.
    fn has_place_for(&self, due: &DueWebhook) -> bool {
        let of_publisher = |other: &&DueWebhook| other.publisher == due.publisher;
        let mut busy = self.webhooks.values();
        self.tasks.len() < AT_ONCE
            && busy.clone().filter(of_publisher).count() < AT_ONCE_EACH
            && busy.all(|other| other.webhook != due.webhook)
    }

    fn begin(&mut self, due: DueWebhook, task: impl Future<Output = ()> + Send + 'static) {
        self.turn += 1;
        self.turns.insert(due.webhook, self.turn);
        let id = self.tasks.spawn(task).id();
        self.webhooks.insert(id, due);
    }

    /// Who waited longest comes first.
    fn sort(&mut self, due: &mut [DueWebhook]) {
        due.sort_by_key(|due| self.turns.get(&due.webhook).copied());
        let due: HashSet<_> = due.iter().map(|due| due.webhook).collect();
        self.turns.retain(|webhook, _| due.contains(webhook));
    }

    fn forget(&mut self, ended: &Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        self.webhooks.remove(&id);
    }
}

/// Begins to post wherever something can be sent; answers how long to wait for the next.
async fn look(
    app: &Arc<App>,
    closed: &watch::Receiver<()>,
    busy: &mut Busy,
) -> Result<Duration, StoreError> {
    let dropped = app.store.drop_events(too_old(app)).await?;
    if dropped > 0 {
        app.metrics.events_dropped(Dropped::Old, dropped);
        tracing::warn!(
            dropped,
            "webhook events dropped: they did not arrive for days"
        );
    }
    let mut wait = LOOK_AGAIN;
    let mut due = app.store.due_webhooks().await?;
    busy.sort(&mut due);
    for one in due {
        if !one.ahead.is_zero() {
            wait = wait.min(one.ahead);
        } else if busy.has_place_for(&one) {
            let task = post_all(Arc::clone(app), closed.clone(), one.webhook);
            busy.begin(one, task);
        }
    }
    Ok(wait)
}

fn too_old(app: &App) -> Duration {
    let uptime = clock::now().since(app.started);
    schedule::too_old(uptime, app.settings.old_events_stay)
}

/// Posts what can be sent to one webhook at this moment, for one turn.
async fn post_all(app: Arc<App>, mut closed: watch::Receiver<()>, webhook: WebhookNumber) {
    let _open = app.open();
    let ends = Instant::now() + TURN;
    while closed.has_changed().is_ok() && Instant::now() < ends {
        match post_next(&app, &mut closed, webhook).await {
            Ok(true) => {}
            Ok(false) | Err(StoreError::Closed) => break,
            Err(error) => {
                tracing::error!(%error, "webhook not settled");
                sleep(BREATHER).await;
                break;
            }
        }
    }
}

/// Whether there was something.
async fn post_next(
    app: &App,
    closed: &mut watch::Receiver<()>,
    webhook: WebhookNumber,
) -> Result<bool, StoreError> {
    let Some(event) = app.store.next_event(webhook, too_old(app)).await? else {
        return Ok(false);
    };
    let outcome = match post(app, &event).await {
        Ok(()) => Outcome::Delivered,
        Err(Refusal::Gone) => Outcome::Gone("answered 410".to_owned()),
        Err(Refusal::Other(why)) => {
            let random = secret::fraction();
            let wait = schedule::wait(event.failures, event.webhook_failures, random);
            Outcome::Failed(why, wait)
        }
    };
    tell(app, &event, &outcome);
    let settle = || app.store.settle_event(event.number, outcome.clone());
    let dropped = until_written(closed, PAUSE, settle).await?;
    app.metrics.events_dropped(Dropped::Gone, dropped);
    Ok(true)
}

/// Writes again and again what cannot be written, until the server stops.
async fn until_written<W, F>(
    closed: &mut watch::Receiver<()>,
    mut pause: Duration,
    write: W,
) -> Result<u64, StoreError>
where
    W: Fn() -> F,
    F: Future<Output = Result<u64, StoreError>>,
{
    loop {
        match write().await {
            Err(error) if error != StoreError::Closed => {
                tracing::error!(%error, "a webhook's answer not noted");
            }
            written => return written,
        }
        tokio::select! {
            () = sleep(pause) => {}
            _ = closed.changed() => return Err(StoreError::Closed),
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

fn tell(app: &App, event: &Event, outcome: &Outcome) {
    let (webhook, id) = (&event.webhook, &event.id);
    match outcome {
        Outcome::Delivered => {
            app.metrics.event_tried(Try::Delivered);
            tracing::debug!(%webhook, event = %id, "webhook event delivered");
        }
        Outcome::Failed(why, _) => {
            app.metrics.event_tried(Try::Failed);
            // Once for each time it begins to fail; the metrics say that it goes on.
            if event.webhook_failures == 1 {
                tracing::warn!(%webhook, event = %id, why, "webhook does not take its events");
            } else {
                tracing::info!(%webhook, event = %id, why, "webhook event not delivered");
            }
        }
        Outcome::Gone(_) => {
            app.metrics.event_tried(Try::Gone);
            tracing::warn!(%webhook, "webhook disabled: its receiver says that it is gone");
        }
    }
}

/// Why an event did not arrive.
enum Refusal {
    /// The receiver wants no more of them.
    Gone,
    /// In words for the publisher, without an address.
    Other(String),
}

async fn post(app: &App, event: &Event) -> Result<(), Refusal> {
    let target: Target = event
        .url
        .parse()
        .map_err(|_| Refusal::Other("not an address".to_owned()))?;
    let body = posted::body(event);
    let headers = headers(event, &body);
    let status = match app.outbound.post(&target, headers, body.into()).await {
        Ok(answer) => answer.status,
        // What else it says means nothing here.
        Err(OutboundError::TooLarge(status)) => status,
        Err(error) => {
            // Which it is, where publishers are told only a part of it.
            tracing::info!(webhook = %event.webhook, event = %event.id, %error, "not posted");
            return Err(refusal(&error));
        }
    };
    match status {
        StatusCode::GONE => Err(Refusal::Gone),
        status if status.is_success() => Ok(()),
        status => Err(Refusal::Other(format!("answered {}", status.as_u16()))),
    }
}

/// What a name means inside is the operator's, not the publisher's to know.
fn refusal(error: &OutboundError) -> Refusal {
    let why = match error {
        OutboundError::Private(_) | OutboundError::Nowhere(_) => "leads to no public address",
        OutboundError::Port(_) => "leads to another port than 80 and 443",
        OutboundError::Plain => "is not https",
        OutboundError::Unreachable(_) => "cannot be reached",
        OutboundError::Broken(_) | OutboundError::TooLarge(_) => "does not speak HTTP",
        OutboundError::TooSlow(_) => "did not answer in time",
    };
    Refusal::Other(why.to_owned())
}

fn headers(event: &Event, body: &[u8]) -> HeaderMap {
    let seconds = clock::wall().as_second();
    let signatures = signature::signatures(&event.keys, &event.id, seconds, body);
    let ascii = |text: &str| HeaderValue::from_str(text).expect("printable ASCII");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("webhook-id", ascii(&event.id));
    headers.insert("webhook-timestamp", seconds.into());
    headers.insert("webhook-signature", ascii(&signatures));
    headers
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::future::pending;

    use super::*;

    /// The webhooks of one publisher, all of whose receivers hang.
    fn begin_all(busy: &mut Busy, publisher: i64) -> usize {
        let before = busy.tasks.len();
        for number in 0..5 {
            let due = DueWebhook {
                webhook: WebhookNumber(10 * publisher + number),
                publisher,
                ahead: Duration::ZERO,
            };
            if busy.has_place_for(&due) {
                busy.begin(due, pending());
            }
            assert!(!busy.has_place_for(&due), "once");
        }
        busy.tasks.len() - before
    }

    #[tokio::test]
    async fn no_publisher_takes_the_places_of_others() {
        let mut busy = Busy::default();
        let places: Vec<_> = (0..40).map(|of| begin_all(&mut busy, of)).collect();
        assert_eq!(places[..32], [AT_ONCE_EACH; 32]);
        assert_eq!(places[32..], [0; 8], "all are taken");
        busy.tasks.abort_all();
        let ended = busy.tasks.join_next_with_id().await.unwrap();
        busy.forget(&ended);
        assert_eq!(begin_all(&mut busy, 50), 1);
    }

    #[tokio::test]
    async fn an_outcome_is_written_once_there_is_room() {
        let (_closing, mut closed) = watch::channel(());
        let tries = Cell::new(0);
        let write = async || {
            tries.set(tries.get() + 1);
            match tries.get() {
                4 => Ok(7),
                _ => Err(StoreError::Full),
            }
        };
        let written = until_written(&mut closed, Duration::from_millis(1), write);
        assert_eq!(written.await, Ok(7));
        assert_eq!(tries.get(), 4);
    }

    #[tokio::test]
    async fn a_server_that_stops_waits_for_no_room() {
        let (closing, mut closed) = watch::channel(());
        let full = async || Err(StoreError::Full);
        let waiting = until_written(&mut closed, LONGEST_PAUSE, full);
        let (ended, ()) = tokio::join!(waiting, async { drop(closing) });
        assert_eq!(ended, Err(StoreError::Closed));
    }
}
