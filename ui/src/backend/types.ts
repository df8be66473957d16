// Generated from the crates `engine` and `protocol` by `cargo xtask codegen`. Do not edit.

export type AccountView = { name: string, server: string, };

export type ConnectionView = { "state": "signed_out" } | { "state": "connecting" } | { "state": "online" } | { "state": "offline", since: string, why: string, };

export type PresenceView = { state: "active" | "inactive" | "unknown", reason: "idle" | "locked" | "app_locked" | "suspended" | "session_switched" | "other" | null, };

export type Headline = { id: string, title: string, line: string, publisher: string, priority: 1 | 2 | 3 | 4 | 5, created_at: string, read: boolean, rich: boolean, };

export type Glance = { unread: number, urgent: boolean, newest: Array<Headline>, };

export type Notice = { "kind": "wrong_credentials" } | { "kind": "unreachable", detail: string, } | { "kind": "too_many_tries" } | { "kind": "sign_in_again" } | { "kind": "revoked" } | { "kind": "connected_elsewhere" } | { "kind": "disk_full" } | { "kind": "history_broken", detail: string, } | { "kind": "no_notifications", detail: string, } | { "kind": "gap", since: string, };

export type View = { account: AccountView | null, connection: ConnectionView, presence: PresenceView, glance: Glance, paused_until: string | null, notice: Notice | null, signing_in: boolean, };

export type Password = string;

export type Command = { "type": "sign_in", server: string, account: string, password: Password, } | { "type": "sign_out" } | { "type": "open", id: string | null, } | { "type": "mark_read", ids: string[], } | { "type": "mark_all_read" } | { "type": "act", id: string, action: string, } | { "type": "pause", until: string | null, } | { "type": "resume" } | { "type": "dismiss_notice" } | { "type": "quit" };

export type Query = { "type": "page", before: string | null, unread_only: boolean, limit: number, } | { "type": "message", id: string, };

export type PublisherRef = { id: string, name: string, };

export type Format = "plain" | "markdown";

export type Html = { size: number, inline?: string, href?: string, };

export type Action = { id: string, label: string, url?: string, };

export type Attachment = { name: string, media_type: string, size: number, href: string, };

export type Message = { id: string, publisher: PublisherRef, application?: string, topic?: string, title: string, body: string, format: Format, html?: Html, url?: string, priority: 1 | 2 | 3 | 4 | 5, tags?: string[], icon?: string, actions?: Action[], attachments?: Attachment[], key?: string, created_at: string, expires_at?: string, read_at?: string, };

export type Answer = { "type": "page", rows: Array<Headline>, more: boolean, } | { "type": "message", message: Message | null, } | { "type": "failed", detail: string, };
