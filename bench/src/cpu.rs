//! CPU time of the proxy's processes, all their threads included, read at both edges of the
//! measured window.

use std::fs;

/// Processes to watch, and how finely the kernel counts.
pub struct CpuMeter {
    pids: Vec<u32>,
    ticks_per_second: f64,
}

impl CpuMeter {
    pub fn new(pids: Vec<u32>) -> Self {
        Self {
            pids,
            ticks_per_second: rustix::param::clock_ticks_per_second() as f64,
        }
    }

    /// User plus system time in microseconds; NaN when there is nothing to watch or a process is
    /// gone.
    pub fn microseconds(&self) -> f64 {
        if self.pids.is_empty() {
            return f64::NAN;
        }
        let ticks: Option<u64> = self.pids.iter().map(|&pid| ticks(pid)).sum();
        ticks.map_or(f64::NAN, |ticks| ticks as f64 * 1e6 / self.ticks_per_second)
    }
}

/// utime, stime and those of children already waited for: fields 14 to 17 of `/proc/PID/stat`
/// (proc(5)).
fn ticks(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name in parentheses, may hold spaces: count from its end.
    let fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    fields
        .skip(11)
        .take(4)
        .map(|field| field.parse::<u64>().ok())
        .sum()
}
