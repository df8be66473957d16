//! Backup, restore, and whether everything is in order.

use std::path::{Path, absolute};

use anyhow::{Context, bail};
use serde_json::to_value;
use tokio::io::empty;

use super::answer::{Answer, Told, words};
use super::{Held, execute, leave, lock_or_ask, no_store};
use crate::admin::{AdminReply, AdminRequest};
use crate::store::{self, CheckReport, DataFolder, FolderError};

pub(super) async fn backup(data: &Path, file: &Path) -> anyhow::Result<Answer> {
    // The server has a folder of its own.
    let file = absolute(file).with_context(|| format!("{} is no path", file.display()))?;
    let AdminReply::BackedUp(report) = execute(data, AdminRequest::Backup { file }).await? else {
        bail!("unexpected answer");
    };
    let missing = match report.missing {
        0 => String::new(),
        missing => format!("; {missing} are damaged or missing on disk, see hither-server check"),
    };
    let text = format!(
        "{}: {} bytes, {} attachments{missing}",
        report.file.display(),
        report.bytes,
        report.attachments
    );
    Ok(Answer::new(text, to_value(report)?))
}

pub(super) fn restore(data: &Path, file: &Path, force: bool) -> anyhow::Result<Answer> {
    let folder = DataFolder::lock(data).map_err(|error| match error {
        FolderError::InUse { .. } => anyhow::anyhow!("{error}; restoring needs a stopped server"),
        other @ FolderError::Io { .. } => other.into(),
    })?;
    let restored = store::restore(&folder, file, force);
    drop(folder);
    leave(data)?;
    let report = restored.with_context(|| format!("{} was not restored", file.display()))?;
    let text = format!(
        "restored {} accounts, {} messages and {} attachments",
        report.accounts, report.messages, report.attachments
    );
    Ok(Answer::new(text, to_value(report)?))
}

pub(super) async fn check(data: &Path, json: bool) -> anyhow::Result<()> {
    let report = look(data).await?;
    let problems = report.problems.len();
    Answer::new(lines(&report), to_value(report)?).print(json)?;
    if problems == 0 {
        return Ok(());
    }
    let word = if problems == 1 { "problem" } else { "problems" };
    Err(Told(format!(
        "the check found {problems} {word}; restore a backup, or ask for help"
    ))
    .into())
}

/// Looking makes and changes nothing; that there is no store, or none that opens, is found out as well.
async fn look(data: &Path) -> anyhow::Result<CheckReport> {
    let found = |problem| CheckReport {
        problems: vec![problem],
        ..CheckReport::default()
    };
    if !store::is_there(data) {
        return Ok(found(no_store(data)));
    }
    match lock_or_ask(data, &AdminRequest::Check, &mut empty()).await? {
        Held::Here(folder) => {
            let checked = store::check(&folder);
            drop(folder);
            leave(data)?;
            Ok(checked.unwrap_or_else(|error| found(words(&error.into()))))
        }
        Held::Elsewhere(AdminReply::Checked(report)) => Ok(report),
        Held::Elsewhere(AdminReply::Refused(why)) => Err(why.into()),
        Held::Elsewhere(other) => bail!("unexpected answer: {other:?}"),
    }
}

fn lines(report: &CheckReport) -> String {
    let mut lines = vec![format!(
        "{} accounts, {} messages, {} attachments of {} bytes, {} files on the way",
        report.accounts,
        report.messages,
        report.attachments,
        report.attachment_bytes,
        report.strays
    )];
    lines.extend(report.problems.iter().cloned());
    if report.problems.is_empty() {
        lines.push("everything is in order".to_owned());
    }
    lines.join("\n")
}
