//! Decides what to log about a server that fails and recovers, so that an unstable server does not
//! flood the log. Reads no clock.

use std::time::Duration;

/// How long the server must be up before its next outage is logged as a new one.
const STEADY: Duration = Duration::from_secs(60);

/// What to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Gone,
    Back,
    /// It failed again soon after recovering; nothing more is logged until it is stable.
    Unstable,
    Steady,
}

/// What has been logged so far. Times are measured from an arbitrary start.
#[derive(Debug, Default)]
pub struct OutageLog {
    last: Last,
    back_since: Option<Duration>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Last {
    #[default]
    Present,
    Gone,
    Unsteady,
}

impl OutageLog {
    /// The server stopped responding.
    pub fn went(&mut self, now: Duration) -> Option<News> {
        let was_just_back = self.back_since.is_some_and(|since| now < since + STEADY);
        let (last, news) = match self.last {
            Last::Present if was_just_back => (Last::Unsteady, News::Unstable),
            Last::Present => (Last::Gone, News::Gone),
            Last::Gone | Last::Unsteady => return None,
        };
        self.last = last;
        Some(news)
    }

    /// The server responds again.
    pub fn came(&mut self, now: Duration) -> Option<News> {
        self.back_since = Some(now);
        if self.last != Last::Gone {
            return None;
        }
        self.last = Last::Present;
        Some(News::Back)
    }

    /// The server still responds.
    pub fn stays(&mut self, now: Duration) -> Option<News> {
        let is_steady = self.back_since.is_some_and(|since| now >= since + STEADY);
        if self.last != Last::Unsteady || !is_steady {
            return None;
        }
        self.last = Last::Present;
        Some(News::Steady)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_outage_is_logged_when_it_begins_and_when_it_ends() {
        let mut told = OutageLog::default();
        for begins in [5, 500, 1000] {
            assert_eq!(told.went(at(begins)), Some(News::Gone));
            assert_eq!(told.went(at(begins + 1)), None);
            assert_eq!(told.came(at(begins + 100)), Some(News::Back));
            assert_eq!(told.stays(at(begins + 161)), None);
        }
    }

    #[test]
    fn an_unstable_server_is_logged_once_until_it_is_stable() {
        let mut told = OutageLog::default();
        told.went(at(0));
        told.came(at(1));
        assert_eq!(told.went(at(2)), Some(News::Unstable));
        for second in (3..300).step_by(2) {
            assert_eq!(told.came(at(second)), None);
            assert_eq!(told.stays(at(second)), None);
            assert_eq!(told.went(at(second + 1)), None);
        }
        told.came(at(400));
        assert_eq!(told.stays(at(459)), None);
        assert_eq!(told.stays(at(460)), Some(News::Steady));
        assert_eq!(told.stays(at(461)), None);
        assert_eq!(told.went(at(500)), Some(News::Gone));
    }
}
