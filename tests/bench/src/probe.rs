//! What the machine itself does: its disk, how busy it is, and what a process takes of it.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

/// So many pairs make a median.
pub(crate) const PAIRS: usize = 5;
/// So many are tried until that many count.
const TRIES: usize = 12;
const PROBE: Duration = Duration::from_millis(600);
/// The disks meant here have two speeds; between two probes that differ by more, they changed.
const FLIP: f64 = 2.0;
/// A tick of `/proc/PID/stat`, in microseconds.
const TICK_US: f64 = 10_000.0;

/// How long something took each time, in microseconds, shortest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<f64>);

impl Times {
    pub(crate) fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The time that this share (0 to 1) of all did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = (last as f64 * share).ceil() as usize;
        self.0.get(index).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn p50(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.quantile(0.99)
    }

    fn and(&self, other: &Self) -> Self {
        Self::new([self.0.as_slice(), &other.0].concat())
    }
}

pub(crate) fn microseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e6
}

/// The middle of some figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    Times::new(figures.into_iter().collect()).p50()
}

/// The disk below a folder, asked for raw durable appends of 4 KiB.
#[derive(Debug)]
pub(crate) struct Disk(File);

impl Disk {
    pub(crate) fn below(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self(File::create(folder.join("probe"))?))
    }

    fn probe(&mut self) -> anyhow::Result<Times> {
        let mut times = Vec::new();
        let begun = Instant::now();
        self.0.set_len(0)?;
        while begun.elapsed() < PROBE {
            let append = Instant::now();
            self.0.write_all(&[7; 4096])?;
            self.0.sync_data()?;
            times.push(microseconds(append));
        }
        Ok(Times::new(times))
    }
}

/// What was measured, and what the disk did just before and after.
pub(crate) type Beside<T> = (T, Times);

/// Measures until [`PAIRS`] count; fewer, where the disk changed its speed too often.
pub(crate) async fn pairs<T>(
    disk: &mut Disk,
    mut measure: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<Vec<Beside<T>>> {
    let mut pairs = Vec::new();
    for _ in 0..TRIES {
        let before = disk.probe()?;
        let measured = measure().await?;
        let after = disk.probe()?;
        let change = before.p50() / after.p50();
        if (1.0 / FLIP..=FLIP).contains(&change) {
            pairs.push((measured, before.and(&after)));
        }
        if pairs.len() == PAIRS {
            break;
        }
    }
    anyhow::ensure!(!pairs.is_empty(), "the disk changed its speed all the time");
    Ok(pairs)
}

/// Processor time that a process took so far, in microseconds.
pub(crate) fn processor_time(pid: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks.filter_map(|it| it.parse::<f64>().ok()).sum::<f64>() * TICK_US)
}

/// A line of `/proc/PID/status` (`VmRSS`, `VmHWM`), in bytes.
pub(crate) fn memory(pid: u32, line: &str) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mut lines = status.lines();
    let kib = lines.find_map(|it| it.strip_prefix(line)?.split_whitespace().next());
    Ok(kib.context("/proc/PID/status")?.parse::<f64>()? * 1024.0)
}

/// How many cores were busy within the last second; asked while nothing of ours runs.
pub(crate) fn busy_cores() -> anyhow::Result<f64> {
    let (begun, before) = (Instant::now(), busy_time()?);
    std::thread::sleep(Duration::from_secs(1));
    Ok((busy_time()? - before) / (begun.elapsed().as_secs_f64() * 1e6))
}

/// Of all processors since the start, in microseconds.
fn busy_time() -> anyhow::Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let fields = stat.split_whitespace().skip(1).take(8);
    let ticks: Vec<f64> = fields.filter_map(|it| it.parse().ok()).collect();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    Ok((ticks.iter().sum::<f64>() - idle) * TICK_US)
}
