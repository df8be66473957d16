//! Effects in a few words, so that a script reads like a conversation.

use hither_engine::{Effect, StoreOp, ToastKey};
use hither_protocol::{ClientFrame, MessageId, Presence};

pub(crate) fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Connect { .. } => "connect".to_owned(),
        Effect::Disconnect => "disconnect".to_owned(),
        Effect::Send(frame) => format!("say {}", client_frame(frame)),
        Effect::Store(op) => store_op(op),
        Effect::SignIn { account, .. } => format!("sign in {account}"),
        Effect::SignOut(account) => format!("sign out {}", account.account),
        Effect::ReadIdle => "sense".to_owned(),
        Effect::WatchIdle(after) => format!("watch {}s", after.as_secs()),
        Effect::AwaitInput => "await input".to_owned(),
        Effect::HashPassphrase(_) => "hash passphrase".to_owned(),
        Effect::CheckPassphrase { .. } => "check passphrase".to_owned(),
        Effect::ShowToast(toast) => {
            let body = toast.body.replace('\n', " / ");
            format!("show {} <{}|{body}>", key(&toast.key), toast.title)
        }
        Effect::WithdrawToast(of) => format!("unshow {}", key(of)),
        Effect::OpenWindow(at) => format!("window {}", at.map_or("list".to_owned(), id)),
        Effect::OpenLink(url) => format!("link {url}"),
        Effect::Exit => "exit".to_owned(),
    }
}

pub(crate) fn client_frame(frame: &ClientFrame) -> String {
    match frame {
        ClientFrame::Hello {
            cursor, presence, ..
        } => {
            let cursor = cursor.as_ref().map_or("all", |cursor| cursor.as_str());
            let presence = presence.map_or("?".to_owned(), |presence| said(&presence));
            format!("hello {cursor} {presence}")
        }
        ClientFrame::Presence { presence, .. } => format!("presence {}", said(presence)),
        ClientFrame::Ping { last_input_ms, .. } => {
            format!(
                "ping {}",
                last_input_ms.map_or("?".to_owned(), |ms| ms.to_string())
            )
        }
        ClientFrame::Ack { cursor } => format!("ack {cursor}"),
        ClientFrame::Shown { ids: of, stays } => {
            let stays = if *stays { " until input" } else { "" };
            format!("shown {}{stays}", ids(of))
        }
        ClientFrame::Read { ids: of } => format!("read {}", ids(of)),
        ClientFrame::Action { id: of, action } => format!("action {} {action}", id(*of)),
        ClientFrame::Unknown => "unknown".to_owned(),
    }
}

fn store_op(op: &StoreOp) -> String {
    match op {
        StoreOp::Save {
            message,
            cursor,
            alert_due,
        } => {
            let due = if *alert_due { "due" } else { "silent" };
            format!("save {} {due} {cursor}", id(message.id))
        }
        StoreOp::MarkRead {
            ids: of, cursor, ..
        } => match cursor {
            Some(cursor) => format!("mark-read {} {cursor}", ids(of)),
            None => format!("mark-read {}", ids(of)),
        },
        StoreOp::Withdraw {
            ids: of, cursor, ..
        } => format!("withdraw {} {cursor}", ids(of)),
        StoreOp::Advance(cursor) => format!("advance {cursor}"),
        StoreOp::MarkShown(of) => format!("mark-shown {}", ids(of)),
        StoreOp::Recall(of) => format!("recall {}", ids(of)),
        StoreOp::RecallUnread => "recall unread".to_owned(),
        StoreOp::RecallAction { id: of, action } => format!("recall action {} {action}", id(*of)),
        StoreOp::RecallSilent { .. } => "recall silent".to_owned(),
        StoreOp::PutOutbox(seq, frame) => format!("put #{seq} {}", client_frame(frame)),
        StoreOp::DropOutbox(seq) => format!("drop #{seq}"),
        StoreOp::SetAccount(account) => format!("set account {}", account.account),
        StoreOp::Wipe => "wipe".to_owned(),
        StoreOp::ForgetCursor => "forget cursor".to_owned(),
        StoreOp::SetPaused(until) => format!("set paused {}", until.is_some()),
        StoreOp::SetAppLock(None) => "no app lock".to_owned(),
        StoreOp::SetAppLock(Some(lock)) => format!("app lock, {} failures", lock.failures),
    }
}

fn said(presence: &Presence) -> String {
    let state = format!("{:?}", presence.state).to_lowercase();
    let reason = presence
        .reason
        .map(|reason| format!("/{reason:?}").to_lowercase());
    let age = presence.last_input_ms.map(|ms| format!(" {ms}"));
    format!(
        "{state}{}{}",
        reason.unwrap_or_default(),
        age.unwrap_or_default()
    )
}

fn key(key: &ToastKey) -> String {
    match key {
        ToastKey::Message(of) => id(*of),
        ToastKey::Summary => "summary".to_owned(),
    }
}

fn ids(ids: &[MessageId]) -> String {
    let all: Vec<_> = ids.iter().map(|of| id(*of)).collect();
    all.join(",")
}

fn id(id: MessageId) -> String {
    id.0.as_u128().to_string()
}
