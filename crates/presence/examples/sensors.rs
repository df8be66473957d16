//! Prints what the sensors of this computer are and notice, until its input ends; a line with a
//! number watches for an absence of so many seconds and for the next input, any other line takes a
//! reading.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use core::time::Duration;

use hither_presence::{Event, Sensors};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};
use tokio::sync::mpsc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let (events, mut noticed) = mpsc::unbounded_channel();
    let sensors = Sensors::start(events);
    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            Some(event) = noticed.recv() => {
                println!("{event:?}");
                if event == Event::Sleeping(true) {
                    sensors.sleep_ready();
                }
            }
            line = lines.next_line() => match line?.map(|line| line.trim().parse()) {
                Some(Ok(seconds)) => {
                    sensors.watch_idle(Duration::from_secs(seconds));
                    sensors.await_input();
                }
                Some(Err(_)) => {
                    println!("{:#?}", sensors.describe());
                    sensors.read_idle();
                }
                None => return Ok(()),
            },
        }
    }
}
