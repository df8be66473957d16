// Generated from the Rust types of hither-engine. Do not edit.

/**
 * Everything the tray and the window show, but for pages of the history.
 */
export type View = { 
/**
 * Absent when signed out.
 */
account: AccountView | null, 
/**
 * The push connection.
 */
connection: ConnectionView, 
/**
 * What this computer knows about the person.
 */
presence: PresenceView, 
/**
 * What the history holds.
 */
glance: Glance, 
/**
 * Alerts are paused until then; [`UNTIL_RESUMED`] when no end was chosen.
 */
paused_until: string | null, 
/**
 * Something the person should know, in plain words.
 */
notice: Notice | null, 
/**
 * A sign-in is under way.
 */
signing_in: boolean, 
/**
 * The app lock; absent when none is set. While it is locked no screen gets any content.
 */
app_lock: AppLockView | null, 
/**
 * Counts how often the server said that the account's settings changed: a screen that shows
 * them asks again.
 */
settings_changes: number, };

/**
 * Who is signed in where.
 */
export type AccountView = { 
/**
 * Account name.
 */
name: string, 
/**
 * `https://push.example.org`.
 */
server: string, };

/**
 * The state of the push connection.
 */
export type ConnectionView = { "state": "signed_out" } | { "state": "connecting" } | { "state": "online" } | { "state": "offline", 
/**
 * Since when, wall time.
 */
since: string, 
/**
 * For people.
 */
why: string, };

/**
 * What this computer knows about the person.
 */
export type PresenceView = { 
/**
 * As reported to the server.
 */
state: "active" | "inactive" | "unknown", 
/**
 * Why inactive.
 */
reason: "idle" | "locked" | "app_locked" | "suspended" | "session_switched" | "presenting" | "other" | null, };

/**
 * The companion's own lock.
 */
export type AppLockView = { 
/**
 * Only the passphrase opens it.
 */
locked: boolean, 
/**
 * When it locks by itself.
 */
when: AppLockWhen, 
/**
 * A passphrase is being looked at.
 */
checking: boolean, 
/**
 * The last passphrase was wrong.
 */
wrong: boolean, 
/**
 * After too many wrong ones, none is looked at until then.
 */
closed_until: string | null, };

/**
 * When the app lock locks by itself.
 */
export type AppLockWhen = { 
/**
 * After so many seconds without input; less than a minute is taken as one.
 */
after_s: number | null, 
/**
 * With the screen.
 */
with_screen: boolean, };

/**
 * The history in a few numbers and its newest unread lines.
 */
export type Glance = { 
/**
 * Unread messages.
 */
unread: number, 
/**
 * Whether one of them is urgent.
 */
urgent: boolean, 
/**
 * The newest unread, newest first, at most 5.
 */
newest: Array<Headline>, };

/**
 * One message in one line.
 */
export type Headline = { 
/**
 * The message.
 */
id: string, 
/**
 * Its title, or the body's first line when it has none.
 */
title: string, 
/**
 * The body's first line, markup removed; empty when there is none.
 */
line: string, 
/**
 * The publisher's name.
 */
publisher: string, 
/**
 * 1 to 5.
 */
priority: 1 | 2 | 3 | 4 | 5, 
/**
 * The server's commit time.
 */
created_at: string, 
/**
 * Whether it is read.
 */
read: boolean, 
/**
 * Whether there is an H5 page.
 */
rich: boolean, };

/**
 * Something the person should know, with its next step.
 */
export type Notice = { "kind": "wrong_credentials" } | { "kind": "unreachable", 
/**
 * For people.
 */
detail: string, } | { "kind": "too_many_tries" } | { "kind": "sign_in_again" } | { "kind": "revoked" } | { "kind": "connected_elsewhere" } | { "kind": "disk_full" } | { "kind": "history_broken", 
/**
 * For people.
 */
detail: string, } | { "kind": "no_notifications", 
/**
 * For people.
 */
detail: string, } | { "kind": "unfit_passphrase" } | { "kind": "gap", 
/**
 * Messages before this moment may be missing.
 */
since: string, };

/**
 * A password on its way to the server. `Debug` hides it.
 */
export type Password = string;

/**
 * What a person can ask for.
 */
export type Command = { "type": "sign_in", 
/**
 * As typed.
 */
server: string, 
/**
 * As typed.
 */
account: string, 
/**
 * As typed.
 */
password: Password, } | { "type": "sign_out" } | { "type": "open", 
/**
 * The message.
 */
id: string | null, } | { "type": "mark_read", 
/**
 * The messages.
 */
ids: string[], } | { "type": "mark_all_read" } | { "type": "act", 
/**
 * The message.
 */
id: string, 
/**
 * The action.
 */
action: string, } | { "type": "pause", 
/**
 * Wall time.
 */
until: string | null, } | { "type": "resume" } | { "type": "set_app_lock", 
/**
 * As typed; 4 characters to 256 bytes.
 */
passphrase: Password, 
/**
 * When it locks by itself.
 */
when: AppLockWhen, } | { "type": "change_app_lock", 
/**
 * As typed.
 */
passphrase: Password, 
/**
 * When it locks by itself.
 */
when: AppLockWhen, } | { "type": "remove_app_lock", 
/**
 * As typed.
 */
passphrase: Password, } | { "type": "lock" } | { "type": "unlock", 
/**
 * As typed.
 */
passphrase: Password, } | { "type": "dismiss_notice" } | { "type": "quit" };

/**
 * What a screen asks of the history; answered by `client`, from what it and the engine know.
 */
export type Query = { "type": "page", 
/**
 * Rows older than this one; `None` begins at the newest.
 */
before: string | null, 
/**
 * Only unread ones.
 */
unread_only: boolean, 
/**
 * At most so many, 1 to 200.
 */
limit: number, } | { "type": "message", 
/**
 * The message.
 */
id: string, } | { "type": "rich", 
/**
 * The message.
 */
id: string, } | { "type": "save", 
/**
 * The message.
 */
id: string, 
/**
 * Which of its attachments, from 0.
 */
attachment: number, } | { "type": "diagnostics" } | { "type": "publishers" } | { "type": "trace", 
/**
 * The message.
 */
id: string, } | { "type": "settings" } | { "type": "keep_settings", 
/**
 * As the screen was told.
 */
was: Settings, 
/**
 * As the person wants them.
 */
to: Settings, };

/**
 * The answer to a [`Query`].
 */
export type Answer = { "type": "page", 
/**
 * Newest first.
 */
rows: Array<Headline>, 
/**
 * Whether older ones exist.
 */
more: boolean, } | { "type": "message", 
/**
 * The message as the server sent it, with `read_at` as this history knows it.
 */
message: Message | null, } | { "type": "saved", 
/**
 * Where it is.
 */
path: string, } | { "type": "diagnostics", 
/**
 * As of this moment.
 */
diagnostics: Diagnostics, } | { "type": "publishers", 
/**
 * Each once, under its newest name.
 */
publishers: { id: string; name: string }[], } | { "type": "trace", 
/**
 * What was decided, oldest first; nothing yet for a message that has just come.
 */
trace: Trace, 
/**
 * The account's devices, for their names; one that was removed is not among them.
 */
devices: Array<DeviceName>, } | { "type": "settings", 
/**
 * As the server keeps them.
 */
settings: Settings, } | { "type": "settings_differ", 
/**
 * As the server keeps them.
 */
settings: Settings, } | { "type": "locked" } | { "type": "failed", 
/**
 * For people.
 */
detail: string, };

/**
 * What this computer can notice, and how.
 */
export type Diagnostics = { 
/**
 * As reported to the server.
 */
presence: PresenceView, 
/**
 * Age of the last input that is known of, or of the end of a film, in milliseconds.
 */
last_input_ms: number | null, 
/**
 * Everything that was tried, by topic and from the best to the last resort.
 */
sources: Array<SourceView>, };

/**
 * Something that tells, or could not.
 */
export type SourceView = { 
/**
 * What it tells.
 */
topic: SourceTopic, 
/**
 * What it is: `X11 idle counter`.
 */
name: string, 
/**
 * Whether it is used.
 */
used: boolean, 
/**
 * Why it is not used, for people.
 */
reason: string | null, };

/**
 * What a source tells.
 */
export type SourceTopic = "idle" | "inhibition" | "presenting" | "lock" | "session" | "sleep" | "network";

/**
 * What a device of the account is called.
 */
export type DeviceName = { 
/**
 * The device.
 */
id: string, 
/**
 * As it called itself when it signed in.
 */
name: string, 
/**
 * It is this computer.
 */
here: boolean, };

/**
 * A message as the server sent it.
 */
export type Message = {
  id: string;
  publisher: { id: string; name: string };
  application?: string;
  topic?: string;
  title: string;
  body: string;
  format: 'plain' | 'markdown';
  html?: { size: number; inline?: string; href?: string };
  url?: string;
  priority: 1 | 2 | 3 | 4 | 5;
  tags?: string[];
  icon?: string;
  actions?: { id: string; label: string; url?: string }[];
  attachments?: { name: string; media_type: string; size: number; href: string; sha256?: string }[];
  key?: string;
  created_at: string;
  expires_at?: string;
  read_at?: string;
};

/**
 * What was decided about a message, oldest first.
 */
export type Trace = { steps: TraceStep[] };

/**
 * One decision; `text` says it in English.
 */
export type TraceStep = {
  at: string;
  outcome: Outcome;
  device?: string;
  because: Because;
  facts?: DeviceFact[];
  text: string;
};

export type Outcome =
  'alerted' | 'pushed' | 'silent' | 'waits' | 'seen' | 'taken' | 'cancelled' | 'other';

export type Because =
  | 'active'
  | 'nobody_at_a_desktop'
  | 'unknown'
  | 'everywhere'
  | 'addressed'
  | 'phone_too'
  | 'handover'
  | 'not_shown'
  | 'waiting'
  | 'nobody_reachable'
  | 'device_may_answer'
  | 'presence_known'
  | 'restarted'
  | 'quiet'
  | 'quiet_ended'
  | 'held_until_return'
  | 'presenting'
  | 'returned'
  | 'quieted'
  | 'input_afterwards'
  | 'shown_on_phone'
  | 'gateway'
  | 'settled'
  | 'other';

/**
 * What was known about a device; times in milliseconds.
 */
export type DeviceFact = {
  device: string;
  seat: 'active' | 'inactive' | 'gone' | 'mobile' | 'unknown';
  reason?: NonNullable<PresenceView['reason']>;
  since_ms?: number;
  last_input_ms?: number;
};

/**
 * What the account's person chose, the same on every device.
 */
export type Settings = {
  idle_after_ms: number;
  priorities: { min: Route; low: Route; default: Route; high: Route; urgent: Route };
  publishers?: Record<string, PublisherChoice>;
  quiet_times?: QuietTime[];
  time_zone?: string;
  do_not_disturb: 'off' | 'on' | { until: string };
  urgent_breaks_through: boolean;
  when_away: 'hold' | 'phone';
  when_unknown: 'desktop' | 'phone' | 'both';
  when_presenting: 'hold' | 'phone';
  read_receipts: boolean;
};

export type Route = 'silent' | 'one_screen' | 'phone_too' | 'everywhere';

export type PublisherChoice = { loudest: 1 | 2 | 3 | 4 | 5; phone_too: boolean };

/**
 * Hours of the day by the clock on the wall, as 22:00:00; without days, of every day.
 */
export type QuietTime = { days?: Weekday[]; from: string; to: string };

export type Weekday =
  'monday' | 'tuesday' | 'wednesday' | 'thursday' | 'friday' | 'saturday' | 'sunday';
