//! One set's tests, unbroken and against one mutant after the other.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use super::list::{Mutant, Set};
use crate::command::{cargo, line};
use crate::stop::Stop;

const INTERVAL: Duration = Duration::from_millis(20);
/// How nextest ends when a test failed, and not something before it.
const TESTS_FAILED: i32 = 100;
/// How cargo ends when something does not compile.
const BUILD_FAILED: i32 = 101;
/// The words with which nextest names a test that failed.
const FAILURES: &[&str] = &["FAIL", "TIMEOUT", "ABORT", "SIGABRT", "SIGSEGV"];
/// So many tests that notice a mutant are named.
const NAMED: usize = 3;

/// What the tests say of a mutant.
pub(super) enum Verdict {
    /// The first tests that failed.
    Dead(Vec<String>),
    Lives,
    /// The compiler's errors.
    NoCode(Vec<String>),
}

/// A copy of the code, with a target folder of its own beside it.
pub(super) struct Trial<'a> {
    set: &'a Set,
    place: &'a Path,
    tree: PathBuf,
    stop: &'a Stop,
}

struct Finished {
    status: ExitStatus,
    output: String,
}

impl<'a> Trial<'a> {
    pub(super) fn new(set: &'a Set, place: &'a Path, stop: &'a Stop) -> Self {
        Self {
            set,
            place,
            tree: place.join("tree"),
            stop,
        }
    }

    pub(super) fn tree(&self) -> &Path {
        &self.tree
    }

    /// Builds everything and runs the tests unbroken, which have to pass.
    pub(super) fn prepare(&self) -> anyhow::Result<()> {
        if self.set.program.is_some() {
            let binaries = ["--list-type=binaries-only", "--message-format=json"];
            self.keep("binaries.json", self.nextest("list").args(binaries))?;
            let metadata = ["metadata", "--format-version=1"];
            self.keep("metadata.json", &mut self.cargo(&metadata))?;
        }
        for mut command in self.build().into_iter().chain([self.tests(None)]) {
            let finished = self.finish(&mut command)?;
            if !finished.status.success() {
                let error = finished.unexpected(&command);
                return Err(error.context("nothing is broken yet, but the tests fail"));
            }
        }
        Ok(())
    }

    /// Breaks the copy, runs the tests and mends it.
    pub(super) fn attempt(&self, mutant: &Mutant) -> anyhow::Result<Verdict> {
        let file = self.tree.join(&mutant.file);
        let whole = fs::read_to_string(&file)?;
        fs::write(&file, mutant.mutated(&self.tree)?)?;
        let verdict = self.judge(mutant);
        fs::write(&file, whole)?;
        verdict
    }

    fn judge(&self, mutant: &Mutant) -> anyhow::Result<Verdict> {
        let first = mutant.tests.as_deref();
        let first = first.map(|first| self.tests(Some(first)));
        let commands = self.build().into_iter().chain(first);
        for mut command in commands.chain([self.tests(None)]) {
            let finished = self.finish(&mut command)?;
            match finished.status.code() {
                Some(0) => {}
                Some(TESTS_FAILED) => return Ok(Verdict::Dead(finished.killers())),
                Some(BUILD_FAILED) => return Ok(Verdict::NoCode(finished.errors())),
                _ => return Err(finished.unexpected(&command)),
            }
        }
        Ok(Verdict::Lives)
    }

    /// What builds the program, where tests start one.
    fn build(&self) -> Option<Command> {
        let program = self.set.program.as_deref()?;
        let mut build = self.cargo(&["build", "--quiet", "--package", program]);
        build.args(self.config());
        Some(build)
    }

    /// The set's tests, or those of them whose names contain a word.
    fn tests(&self, word: Option<&str>) -> Command {
        let mut tests = if self.set.program.is_some() {
            let mut kept = self.cargo(&["nextest", "run"]);
            let file = |name: &str| self.place.join(name);
            kept.arg("--binaries-metadata").arg(file("binaries.json"));
            kept.arg("--cargo-metadata").arg(file("metadata.json"));
            kept
        } else {
            self.nextest("run")
        };
        tests.args(["--profile=mutants", "--no-tests=pass"]);
        tests.args(word);
        tests
    }

    fn nextest(&self, what: &str) -> Command {
        let mut nextest = self.cargo(&["nextest", what, "--cargo-quiet"]);
        nextest.args(&self.set.tests).args(self.config());
        nextest
    }

    fn config(&self) -> impl Iterator<Item = &str> {
        let settings = self.set.config.iter();
        settings.flat_map(|setting| ["--config", setting.as_str()])
    }

    /// Cargo on the copy.
    fn cargo(&self, arguments: &[&str]) -> Command {
        let mut cargo = cargo(arguments);
        cargo.current_dir(&self.tree);
        cargo.env("CARGO_TARGET_DIR", self.place.join("target"));
        // Nobody debugs a mutant, and they link faster without it.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }

    fn keep(&self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let file = File::create(self.place.join(name))?;
        let log = self.place.join("log");
        let status = self.wait(command.stdout(file).stderr(File::create(&log)?))?;
        if !status.success() {
            print!("{}", fs::read_to_string(&log)?);
            bail!("`{}` failed ({status})", line(command));
        }
        Ok(())
    }

    fn finish(&self, command: &mut Command) -> anyhow::Result<Finished> {
        let path = self.place.join("log");
        let log = File::create(&path)?;
        let status = self.wait(command.stdout(log.try_clone()?).stderr(log))?;
        let output = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        Ok(Finished { status, output })
    }

    /// Waits for its end, and brings that about when somebody wants to stop: of the compilers and
    /// tests that it started, too.
    fn wait(&self, command: &mut Command) -> anyhow::Result<ExitStatus> {
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("could not start `{}`", line(command)))?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if self.stop.asked() {
                kill_process_group(Pid::from_child(&child), Signal::TERM)?;
                child.wait()?;
                bail!("Stopped; nothing that was started runs on.");
            }
            thread::sleep(INTERVAL);
        }
    }
}

impl Finished {
    fn unexpected(&self, command: &Command) -> anyhow::Error {
        print!("{}", self.output);
        anyhow!("`{}` failed ({})", line(command), self.status)
    }

    fn killers(&self) -> Vec<String> {
        let failed = self.output.lines().filter_map(failed_test);
        failed.take(NAMED).map(str::to_owned).collect()
    }

    fn errors(&self) -> Vec<String> {
        let errors = self.output.lines().filter(|line| line.starts_with("error"));
        errors.take(NAMED).map(str::to_owned).collect()
    }
}

/// `FAIL [   0.005s] (7/118) hither-attention tests::rules::x`, and other ways to fail.
fn failed_test(line: &str) -> Option<&str> {
    let (word, rest) = line.trim_start().split_once(" [")?;
    let test = rest.split_whitespace().last()?;
    FAILURES.contains(&word).then_some(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_failed_are_found_among_what_nextest_says() {
        for (line, expected) in [
            (
                "    FAIL [   0.005s] (7/118) hither-attention tests::rules::x",
                Some("tests::rules::x"),
            ),
            (
                "  TIMEOUT [  60.002s] (2/82) system-tests::contract streams::y",
                Some("streams::y"),
            ),
            (
                "  SIGTERM [   0.900s] (3/82) system-tests::contract streams::z",
                None,
            ),
            (
                "    PASS [   0.005s] (1/118) hither-attention tests::rules::x",
                None,
            ),
            ("   Compiling hither-attention v0.1.0", None),
            ("error: test run failed", None),
        ] {
            assert_eq!(failed_test(line), expected, "{line}");
        }
    }
}
