//! The desktop without a server, for looking at it and for testing: shows each view it reads from
//! standard input (one JSON object a line) in the tray, with a pop-up for its newest unread
//! message, and prints what the desktop and the person say. Ends with its input.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use hither_client::{Platform as _, PlatformEvent};
use hither_companion::Desktop;
use hither_engine::Toast;
use hither_engine::view::View;
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    log.with_writer(std::io::stderr).init();

    let mut desktop = Desktop::start(None, None);
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => show(&mut desktop, &serde_json::from_str(&line)?),
                None => break,
            },
            event = desktop.next_event() => print(&event)?,
        }
    }
    desktop.exit().await;
    Ok(())
}

fn show(desktop: &mut Desktop, view: &View) {
    desktop.view_changed(view);
    if let Some(newest) = view.glance.newest.first() {
        desktop.show_toast(Toast::of(newest));
    }
}

fn print(event: &PlatformEvent) -> anyhow::Result<()> {
    match event {
        PlatformEvent::Command(command) => println!("{}", serde_json::to_string(command)?),
        other => println!("{other:?}"),
    }
    Ok(())
}
