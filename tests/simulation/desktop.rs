//! The companion: the real engine over a model of its disk, sensors and notification daemon.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hither_engine::view::Command;
use hither_engine::{
    Closed, Config, Effect, Engine, Event, Sensed, SignedIn, StoreFailed, StoreOp, Toast,
    ToastEvent, ToastKey,
};
use hither_protocol::{AccessToken, ClientInfo, Instant, MessageId, ServerFrame};

use crate::disk::Disk;
use crate::world::{Conn, Due, Life, Node, World};

pub(crate) struct Desktop {
    pub(crate) disk: Disk,
    engine: Option<Engine>,
    life: Life,
    conn: Option<Conn>,
    /// The batch the store thread writes, and what waits for the next one.
    writing: Vec<StoreOp>,
    waiting: Vec<StoreOp>,
    /// Frames that arrived while the store was busy.
    unread_frames: VecDeque<ServerFrame>,
    watch: Option<(Duration, bool)>,
    last_input: Instant,
    awaits_input: bool,
    locked: bool,
    crash_chance: f64,
    store_failure_chance: f64,
    wakes_at_once: (Instant, u32),
    /// What the notification daemon shows; it outlives the companion.
    up: BTreeSet<ToastKey>,
    /// In which life a message's own toast was last put up.
    toasted: BTreeMap<MessageId, Life>,
    /// The server asked to ring for these since: it holds that nobody saw them.
    asked_again: BTreeSet<MessageId>,
    pub(crate) repeats: u64,
    pub(crate) toasts: u64,
    pub(crate) summaries: u64,
    pub(crate) crashes: u64,
    pub(crate) wrong: Vec<String>,
}

impl Desktop {
    pub(crate) fn new(crash_chance: f64, store_failure_chance: f64) -> Self {
        let account = SignedIn {
            server: "https://push.example.org".into(),
            account: "ada".into(),
            device_id: "desk".parse().expect("a valid device id"),
            access_token: AccessToken::new("secret".into()),
            stream_url: "wss://push.example.org/v1/stream".into(),
        };
        Self {
            disk: Disk::of(account),
            engine: None,
            life: Life(0),
            conn: None,
            writing: Vec::new(),
            waiting: Vec::new(),
            unread_frames: VecDeque::new(),
            watch: None,
            last_input: Instant::default(),
            awaits_input: false,
            locked: false,
            crash_chance,
            store_failure_chance,
            wakes_at_once: (Instant::default(), 0),
            up: BTreeSet::new(),
            toasted: BTreeMap::new(),
            asked_again: BTreeSet::new(),
            repeats: 0,
            toasts: 0,
            summaries: 0,
            crashes: 0,
            wrong: Vec::new(),
        }
    }

    pub(crate) fn no_more_faults(&mut self) {
        self.crash_chance = 0.0;
        self.store_failure_chance = 0.0;
    }

    /// Whether a pop-up for this message went up here, by itself or in a recorded summary.
    pub(crate) fn alerted(&self, id: MessageId) -> bool {
        self.toasted.contains_key(&id) || self.disk.rows.get(&id).is_some_and(|row| row.shown)
    }

    pub(crate) fn start(&mut self, world: &mut World) {
        self.life.0 += 1;
        let config = Config {
            client: ClientInfo {
                name: "hither".into(),
                version: "0.1.0".into(),
            },
            device_name: "ada-desk".into(),
            platform: "linux".into(),
            backoff: (Duration::from_secs(1), Duration::from_mins(2)),
        };
        let seed = world.dice.u64(..);
        self.engine = Some(Engine::new(
            config,
            self.disk.saved(),
            seed,
            &world.engine_now(),
        ));
        self.event(world, Event::Started);
        self.event(world, Event::Sensed(Sensed::ScreenLocked(self.locked)));
    }

    /// Hands an event to the engine and carries out what follows, unless a crash comes between.
    pub(crate) fn event(&mut self, world: &mut World, event: Event) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        let mut effects = Vec::new();
        engine.handle(&world.engine_now(), event, &mut effects);
        for effect in effects {
            world.tell(|| format!("  desktop: {effect:?}"));
            if world.chance(self.crash_chance) {
                return self.crash(world);
            }
            self.carry_out(world, effect);
        }
        self.write(world);
        self.arm(world);
    }

    /// As [`Self::event`], if it was meant for this life.
    pub(crate) fn later_event(&mut self, world: &mut World, life: Life, event: Event) {
        if life == self.life {
            self.event(world, event);
        }
    }

    pub(crate) fn wake(&mut self, world: &mut World, life: Life) {
        let due = self.engine.as_ref().and_then(Engine::next_wakeup);
        if life != self.life || due.is_none_or(|due| due > world.now) {
            return;
        }
        let (when, times) = self.wakes_at_once;
        self.wakes_at_once = if when == world.now {
            (when, times + 1)
        } else {
            (world.now, 1)
        };
        assert!(
            self.wakes_at_once.1 < 100,
            "the engine asks to be woken again and again"
        );
        self.event(world, Event::WokeUp);
    }

    pub(crate) fn stored(&mut self, world: &mut World, life: Life) {
        if life != self.life {
            return;
        }
        let ops = core::mem::take(&mut self.writing);
        if world.chance(self.store_failure_chance) {
            // What waits behind a failed batch counts as not done, too.
            self.waiting.clear();
            self.event(world, Event::StoreFailed(StoreFailed::DiskFull));
        } else {
            let (outcomes, glance) = self.disk.commit(&ops);
            if world.chance(self.crash_chance) {
                return self.crash(world);
            }
            self.event(world, Event::Stored { outcomes, glance });
        }
        while self.writing.is_empty()
            && let Some(frame) = self.unread_frames.pop_front()
        {
            self.event(world, Event::Frame(frame));
        }
    }

    pub(crate) fn opened(&mut self, world: &mut World, conn: Conn) {
        if self.conn == Some(conn) {
            self.event(world, Event::Opened);
        }
    }

    pub(crate) fn frame(&mut self, world: &mut World, conn: Conn, frame: ServerFrame) {
        if self.conn != Some(conn) {
            return;
        }
        if let ServerFrame::Alert { ids, .. } = &frame {
            self.asked_again.extend(ids);
        }
        if self.writing.is_empty() && self.unread_frames.is_empty() {
            self.event(world, Event::Frame(frame));
        } else {
            self.unread_frames.push_back(frame);
        }
    }

    pub(crate) fn lost(&mut self, world: &mut World, conn: Conn, code: Option<u16>) {
        if self.conn == Some(conn) {
            self.conn = None;
            self.unread_frames.clear();
            self.event(
                world,
                Event::Closed(Closed {
                    code,
                    detail: "gone".into(),
                }),
            );
        }
    }

    pub(crate) fn input(&mut self, world: &mut World) {
        self.last_input = world.now;
        if core::mem::take(&mut self.awaits_input) {
            self.event(world, Event::Sensed(Sensed::Idle(Some(Duration::ZERO))));
        }
        if let Some((_, reported @ true)) = &mut self.watch {
            *reported = false;
            self.event(world, Event::Sensed(Sensed::Idle(Some(Duration::ZERO))));
            self.arm_idle(world);
        }
    }

    pub(crate) fn idle_check(&mut self, world: &mut World, life: Life) {
        let Some((after, reported)) = &mut self.watch else {
            return;
        };
        let idle = world.now.since(self.last_input);
        if life != self.life || *reported {
            return;
        }
        if idle < *after {
            return self.arm_idle(world);
        }
        *reported = true;
        self.event(world, Event::Sensed(Sensed::Idle(Some(idle))));
    }

    pub(crate) fn lock(&mut self, world: &mut World, locked: bool) {
        self.locked = locked;
        self.event(world, Event::Sensed(Sensed::ScreenLocked(locked)));
    }

    /// The person touches something Hither shows: a pop-up, or an unread row in the window.
    pub(crate) fn reads_something(&mut self, world: &mut World) {
        let keys: Vec<_> = self.up.iter().cloned().collect();
        if let Some(key) = world.dice.choice(keys) {
            self.up.remove(&key);
            return self.event(world, Event::Toast(ToastEvent::Clicked(key)));
        }
        let unread = self
            .disk
            .rows
            .values()
            .filter(|row| row.message.read_at.is_none());
        let ids: Vec<_> = unread.map(|row| row.message.id).take(3).collect();
        if !ids.is_empty() {
            self.event(world, Event::Command(Command::MarkRead { ids }));
        }
    }

    /// The dial under way led nowhere.
    pub(crate) fn not_opened(&mut self) {
        self.conn = None;
    }

    pub(crate) fn connection(&self) -> Option<Conn> {
        self.conn
    }

    fn carry_out(&mut self, world: &mut World, effect: Effect) {
        match effect {
            Effect::Connect { .. } => self.conn = Some(world.dial(Node::Desktop)),
            Effect::Disconnect => self.disconnect(world),
            Effect::Send(frame) => {
                if let Some(conn) = self.conn {
                    world.send_up(conn, frame);
                }
            }
            Effect::Store(op) => self.waiting.push(op),
            Effect::ReadIdle => {
                let idle = world.now.since(self.last_input);
                let wait = world.between(0, 3);
                world.after(
                    wait,
                    Due::Desktop(self.life, Event::Sensed(Sensed::Idle(Some(idle + wait)))),
                );
            }
            Effect::WatchIdle(after) => {
                self.watch = Some((after, false));
                self.arm_idle(world);
            }
            Effect::AwaitInput => self.awaits_input = true,
            Effect::ShowToast(toast) => self.show(world, toast),
            Effect::WithdrawToast(key) => drop(self.up.remove(&key)),
            Effect::OpenWindow(_) | Effect::OpenLink(_) => {}
            Effect::SignIn { .. }
            | Effect::SignOut(_)
            | Effect::HashPassphrase(_)
            | Effect::CheckPassphrase { .. }
            | Effect::Exit => {
                unreachable!("nobody signs in or out, sets an app lock or quits in these days")
            }
        }
    }

    fn disconnect(&mut self, world: &mut World) {
        if let Some(conn) = self.conn.take() {
            self.unread_frames.clear();
            world.client_leaves(conn, true);
            let closed = Closed {
                code: None,
                detail: "closed here".into(),
            };
            world.after(
                Duration::ZERO,
                Due::Desktop(self.life, Event::Closed(closed)),
            );
        }
    }

    fn show(&mut self, world: &mut World, toast: Toast) {
        match &toast.key {
            ToastKey::Message(id) => {
                self.toasts += 1;
                let row = self.disk.rows.get(id);
                let recorded = row.is_some_and(|row| row.shown);
                let before = self.toasted.insert(*id, self.life);
                let asked = self.asked_again.remove(id);
                if !asked && (recorded || before == Some(self.life)) {
                    self.wrong
                        .push(format!("{} second toast for {id}, unasked", world.now));
                } else if !asked && before.is_some() {
                    self.repeats += 1;
                }
                if self
                    .disk
                    .rows
                    .get(id)
                    .is_none_or(|row| row.message.read_at.is_some())
                {
                    self.wrong.push(format!(
                        "{} toast for {id}, which is read or unknown",
                        world.now
                    ));
                }
            }
            ToastKey::Summary => self.summaries += 1,
        }
        self.up.insert(toast.key.clone());
        let wait = world.between(1, 30);
        world.after(
            wait,
            Due::Desktop(
                self.life,
                Event::Toast(ToastEvent::Up {
                    key: toast.key,
                    stays: true,
                }),
            ),
        );
    }

    fn write(&mut self, world: &mut World) {
        if self.writing.is_empty() && !self.waiting.is_empty() {
            self.writing = core::mem::take(&mut self.waiting);
            let wait = world.between(1, 8);
            world.after(wait, Due::DesktopStored(self.life));
        }
    }

    fn arm(&mut self, world: &mut World) {
        if let Some(due) = self.engine.as_ref().and_then(Engine::next_wakeup) {
            world.at(due, Due::DesktopWake(self.life));
        }
    }

    fn arm_idle(&mut self, world: &mut World) {
        if let Some((after, false)) = self.watch {
            world.at(self.last_input + after, Due::DesktopIdleCheck(self.life));
        }
    }

    fn crash(&mut self, world: &mut World) {
        self.crashes += 1;
        self.life.0 += 1;
        self.engine = None;
        self.watch = None;
        self.awaits_input = false;
        self.waiting.clear();
        self.unread_frames.clear();
        let writing = core::mem::take(&mut self.writing);
        if world.chance(0.5) {
            self.disk.commit(&writing);
        }
        if let Some(conn) = self.conn.take() {
            world.client_leaves(conn, false);
        }
        let wait = world.between(100, 60_000);
        world.after(wait, Due::DesktopStart);
    }
}
