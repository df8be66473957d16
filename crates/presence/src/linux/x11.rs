//! Idle time from the X server's own `IDLETIME` counter (XSync extension).
//!
//! Two alarms sit at the threshold, one for each direction, so the server says when input has been
//! absent and when it is back, and nothing wakes this process in between. A third one is there only
//! while somebody wants to know of the next input. One thread blocks on the
//! connection; requests wait in an inbox, and a message to our own window wakes the thread.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::oneshot;
use x11rb::connection::{Connection as _, RequestConnection as _};
use x11rb::errors::{ConnectionError, ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::sync::{
    self, Alarm, ChangeAlarmAux, ConnectionExt as _, Counter, CreateAlarmAux, Int64, TESTTYPE,
    VALUETYPE,
};
use x11rb::protocol::xproto::{
    ClientMessageEvent, ConnectionExt as _, CreateWindowAux, EventMask, Window, WindowClass,
};
use x11rb::rust_connection::RustConnection;

use super::idle::{IdleSource, Request, Rung, Tell};

pub(super) const NAME: &str = "X11 idle counter";

/// Input counts as the next one after a pause of this length. The X server may miss the end of a
/// much shorter one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Starts the thread and waits until it knows the counter, as long as that takes.
pub(super) async fn attach(display: String, tell: Tell) -> Result<Rung, String> {
    let inbox = Arc::new(Inbox::default());
    let theirs = Arc::clone(&inbox);
    let (ready, is_ready) = oneshot::channel();
    let (broke, mut lost) = oneshot::channel();
    thread::Builder::new()
        .name("x11-idle".to_owned())
        .spawn(move || {
            let end = serve(&display, &theirs, ready, &tell);
            theirs.close();
            if let Err(reason) = end {
                let _ = broke.send(reason);
            }
        })
        .map_err(|error| format!("no thread for it: {error}"))?;
    let source = Box::new(IdleCounter { inbox });
    match is_ready.await {
        Ok(()) => Ok(Rung { source, lost }),
        Err(_) => Err((&mut lost).await.unwrap_or_default()),
    }
}

/// The door to the thread that talks with the X server.
struct IdleCounter {
    inbox: Arc<Inbox>,
}

impl IdleSource for IdleCounter {
    fn read(&self, answer: oneshot::Sender<Duration>) {
        self.inbox.push(Some(Request::Read(answer)));
    }

    fn watch(&self, after: Duration) {
        self.inbox.push(Some(Request::Watch(after)));
    }

    fn await_input(&self) {
        self.inbox.push(Some(Request::AwaitInput));
    }
}

impl Drop for IdleCounter {
    fn drop(&mut self) {
        self.inbox.push(None);
    }
}

/// Requests on their way to the thread.
#[derive(Default)]
struct Inbox(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    /// `None` is the last: nobody asks any more.
    requests: VecDeque<Option<Request>>,
    bell: Option<Bell>,
    closed: bool,
}

/// Wakes the thread out of its wait for the X server.
struct Bell {
    connection: Arc<RustConnection>,
    window: Window,
}

impl Inbox {
    fn push(&self, request: Option<Request>) {
        let mut pending = self.lock();
        if pending.closed {
            return;
        }
        pending.requests.push_back(request);
        // One ring for all that wait: a hung X server is not written to again and again.
        if let (1, Some(bell)) = (pending.requests.len(), &pending.bell) {
            bell.ring();
        }
    }

    /// From here on a push wakes the thread, which looks into the inbox right after this.
    fn hang(&self, bell: Bell) {
        self.lock().bell = Some(bell);
    }

    fn take(&self) -> VecDeque<Option<Request>> {
        std::mem::take(&mut self.lock().requests)
    }

    fn close(&self) {
        *self.lock() = Pending {
            closed: true,
            ..Pending::default()
        };
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    fn ring(&self) {
        let message =
            ClientMessageEvent::new(8, self.window, u32::from(EventMask::NO_EVENT), [0; 20]);
        let sent = self
            .connection
            .send_event(false, self.window, EventMask::NO_EVENT, message);
        // A lost connection shows in the thread's own wait.
        let _ = sent.map(|_| self.connection.flush());
    }
}

/// Runs until it is stopped, or the X server is lost; the error is for people.
fn serve(
    display: &str,
    inbox: &Inbox,
    ready: oneshot::Sender<()>,
    tell: &Tell,
) -> Result<(), String> {
    let (connection, screen) =
        RustConnection::connect(Some(display)).map_err(|error| error.to_string())?;
    let connection = Arc::new(connection);
    let counter =
        idle_counter(&connection).map_err(|error| format!("the X server refused: {error}"))?;
    let counter = counter.ok_or("this X server has no IDLETIME counter")?;
    let window = own_window(&connection, screen)
        .map_err(|error| format!("the X server refused: {error}"))?;
    inbox.hang(Bell {
        connection: Arc::clone(&connection),
        window,
    });
    let _ = ready.send(());
    Server {
        connection: &connection,
        counter,
        alarms: None,
        awaiting: None,
    }
    .run(inbox, tell)
    .map_err(|error| format!("the X server went away: {error}"))
}

fn idle_counter(connection: &RustConnection) -> Result<Option<Counter>, ReplyError> {
    if connection
        .extension_information(sync::X11_EXTENSION_NAME)?
        .is_none()
    {
        return Ok(None);
    }
    connection.sync_initialize(3, 1)?.reply()?;
    let counters = connection.sync_list_system_counters()?.reply()?.counters;
    Ok(counters
        .into_iter()
        .find(|counter| counter.name == b"IDLETIME")
        .map(|counter| counter.counter))
}

/// Never shown: something to send the wake-up message to.
fn own_window(connection: &RustConnection, screen: usize) -> Result<Window, ReplyOrIdError> {
    let root = connection.setup().roots[screen].root;
    let window = connection.generate_id()?;
    let aux = CreateWindowAux::new();
    connection
        .create_window(
            0,
            window,
            root,
            0,
            0,
            1,
            1,
            0,
            WindowClass::INPUT_ONLY,
            0,
            &aux,
        )?
        .check()?;
    Ok(window)
}

struct Server<'a> {
    connection: &'a RustConnection,
    counter: Counter,
    alarms: Option<Alarms>,
    /// Set off by the next input.
    awaiting: Option<Alarm>,
}

struct Alarms {
    absent: Alarm,
    back: Alarm,
}

impl Server<'_> {
    fn run(&mut self, inbox: &Inbox, tell: &Tell) -> Result<(), ReplyOrIdError> {
        loop {
            for request in inbox.take() {
                match request {
                    Some(Request::Read(answer)) => {
                        let _ = answer.send(self.read()?);
                    }
                    Some(Request::Watch(after)) => {
                        // The alarms fire on crossing, and this may be crossed already.
                        let idle = self.watch(after)?;
                        if idle >= after {
                            tell.absent(idle);
                        }
                    }
                    Some(Request::AwaitInput) => self.await_input()?,
                    None => return Ok(()),
                }
            }
            self.hear(tell)?;
        }
    }

    fn hear(&mut self, tell: &Tell) -> Result<(), ConnectionError> {
        let Event::SyncAlarmNotify(alarm) = self.connection.wait_for_event()? else {
            return Ok(());
        };
        let idle = to_duration(alarm.counter_value);
        match &self.alarms {
            Some(alarms) if alarm.alarm == alarms.back => tell.back(idle),
            Some(alarms) if alarm.alarm == alarms.absent => tell.absent(idle),
            _ => {}
        }
        // A destroyed alarm says so, too.
        if self.awaiting.take_if(|it| *it == alarm.alarm).is_some() {
            self.connection.sync_destroy_alarm(alarm.alarm)?;
            tell.input(idle);
        }
        Ok(())
    }

    fn await_input(&mut self) -> Result<(), ReplyOrIdError> {
        if self.awaiting.is_none() {
            let pause = to_int64(SHORTEST_PAUSE);
            self.awaiting = Some(self.new_alarm(pause, TESTTYPE::NEGATIVE_TRANSITION)?);
        }
        Ok(())
    }

    fn read(&self) -> Result<Duration, ReplyError> {
        let counter = self.connection.sync_query_counter(self.counter)?.reply()?;
        Ok(to_duration(counter.counter_value))
    }

    fn watch(&mut self, after: Duration) -> Result<Duration, ReplyOrIdError> {
        let absent = to_int64(after);
        let back = to_int64(after.saturating_sub(Duration::from_millis(1)));
        match &self.alarms {
            Some(alarms) => {
                self.move_alarm(alarms.absent, absent)?;
                self.move_alarm(alarms.back, back)?;
            }
            None => {
                self.alarms = Some(Alarms {
                    absent: self.new_alarm(absent, TESTTYPE::POSITIVE_TRANSITION)?,
                    back: self.new_alarm(back, TESTTYPE::NEGATIVE_TRANSITION)?,
                });
            }
        }
        Ok(self.read()?)
    }

    /// With a delta of zero, an alarm on a transition stays in place and fires at every crossing.
    fn new_alarm(&self, at: Int64, test: TESTTYPE) -> Result<Alarm, ReplyOrIdError> {
        let alarm = self.connection.generate_id()?;
        let aux = CreateAlarmAux::new()
            .counter(self.counter)
            .value_type(VALUETYPE::ABSOLUTE)
            .value(at)
            .test_type(test)
            .delta(Int64 { hi: 0, lo: 0 })
            .events(1);
        self.connection.sync_create_alarm(alarm, &aux)?.check()?;
        Ok(alarm)
    }

    fn move_alarm(&self, alarm: Alarm, to: Int64) -> Result<(), ReplyError> {
        let aux = ChangeAlarmAux::new().value(to);
        self.connection.sync_change_alarm(alarm, &aux)?.check()
    }
}

fn to_duration(milliseconds: Int64) -> Duration {
    let value = i64::from(milliseconds.hi) << 32 | i64::from(milliseconds.lo);
    Duration::from_millis(u64::try_from(value).unwrap_or(0))
}

fn to_int64(duration: Duration) -> Int64 {
    let value = i64::try_from(duration.as_millis())
        .unwrap_or(i64::MAX)
        .max(1);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "split into halves"
    )]
    let (hi, lo) = ((value >> 32) as i32, value as u32);
    Int64 { hi, lo }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_survive_the_counters_two_halves() {
        for milliseconds in [1, 999, 180_000, u64::from(u32::MAX), 1 << 33, 1 << 40] {
            let duration = Duration::from_millis(milliseconds);
            assert_eq!(to_duration(to_int64(duration)), duration);
        }
        assert_eq!(to_duration(Int64 { hi: -1, lo: 0 }), Duration::ZERO);
        assert_eq!(to_int64(Duration::MAX).hi, i32::MAX);
    }
}
