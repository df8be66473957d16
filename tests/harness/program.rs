//! Hither's own programs, as processes of a test.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A built program of this workspace.
///
/// # Panics
/// When it is not there: the tests do not build it.
#[must_use]
pub fn program(name: &str) -> Command {
    let test = std::env::current_exe().expect("the system knows what it runs");
    let folder: PathBuf = test.ancestors().skip(2).take(1).collect();
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run the tests with `cargo xtask test`, or build it first with \
         `cargo build -p {name}`",
        path.display()
    );
    Command::new(path)
}

/// A running program that is killed when this goes.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts it; its standard error goes where the test's goes.
    ///
    /// # Panics
    /// When the system does not start it.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self { child }
    }

    /// Its standard input, once.
    pub fn input(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Its standard output line by line, once.
    pub fn lines(&mut self) -> Option<std::io::Lines<BufReader<ChildStdout>>> {
        self.child
            .stdout
            .take()
            .map(|out| BufReader::new(out).lines())
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once and without warning, as `kill -9` does.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits for that; whether it says that all went well.
    ///
    /// # Panics
    /// When it does not end.
    pub fn terminate(&mut self) -> bool {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw);
        let pid = pid.expect("a process id is positive");
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let status = crate::wait_for("the end of a process", crate::SOON, || {
            self.child.try_wait().expect("it is our child")
        });
        status.success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
