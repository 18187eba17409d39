//! A steady beat finer than the runtime's millisecond timers: a kernel timer that counts periods.

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

pub struct Pacer(AsyncFd<OwnedFd>);

impl Pacer {
    /// Begins to beat every `period_ns` nanoseconds (under a second).
    // The successor of `AsyncFd::new` is `unsafe` because a wrapper might swap its descriptor; an
    // `OwnedFd` cannot.
    #[allow(deprecated)]
    pub fn start(period_ns: u64) -> Result<Self, String> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)
            .map_err(|error| format!("timer: {error}"))?;
        let nanoseconds = period_ns.try_into().map_err(|_| "the rate is too low")?;
        let period = Timespec {
            tv_sec: 0,
            tv_nsec: nanoseconds,
        };
        let beat = Itimerspec {
            it_interval: period,
            it_value: period,
        };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &beat)
            .map_err(|error| format!("timer: {error}"))?;
        AsyncFd::new(timer)
            .map(Self)
            .map_err(|error| format!("timer: {error}"))
    }

    /// Waits for the next beat. Callers look at the clock for how many requests are due, not at a
    /// count.
    pub async fn beat(&self) -> Result<(), String> {
        loop {
            let mut guard = self
                .0
                .readable()
                .await
                .map_err(|error| format!("timer: {error}"))?;
            match rustix::io::read(self.0.get_ref(), &mut [0_u8; 8]) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => guard.clear_ready(),
                Err(error) => return Err(format!("timer: {error}")),
            }
        }
    }
}
