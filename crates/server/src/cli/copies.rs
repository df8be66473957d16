//! Backup, restore, and whether everything is in order.

use std::path::{Path, absolute};

use anyhow::{Context, bail};
use serde_json::to_value;

use super::answer::Answer;
use super::{execute, leave};
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
    let AdminReply::Checked(report) = execute(data, AdminRequest::Check).await? else {
        bail!("unexpected answer");
    };
    let problems = report.problems.len();
    Answer::new(words(&report), to_value(report)?).print(json)?;
    if problems > 0 {
        bail!("the check found {problems} problems; restore a backup, or ask for help with them");
    }
    Ok(())
}

fn words(report: &CheckReport) -> String {
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
