//! What the log is told of a server that goes and comes: each once, however often it does. Asks no clock.

use std::time::Duration;

/// How long it has to stay for its next going to be news.
const STEADY: Duration = Duration::from_secs(60);

/// What has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    Gone,
    Back,
    /// It went soon after it was back: what it does from here on is not told until it stays.
    ComesAndGoes,
    Steady,
}

/// What was told so far. Moments are counted from any beginning.
#[derive(Debug, Default)]
pub struct Told {
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

impl Told {
    /// It does not answer, after it did.
    pub fn went(&mut self, now: Duration) -> Option<News> {
        let was_just_back = self.back_since.is_some_and(|since| now < since + STEADY);
        let (last, news) = match self.last {
            Last::Present if was_just_back => (Last::Unsteady, News::ComesAndGoes),
            Last::Present => (Last::Gone, News::Gone),
            Last::Gone | Last::Unsteady => return None,
        };
        self.last = last;
        Some(news)
    }

    /// It answers, after it did not.
    pub fn came(&mut self, now: Duration) -> Option<News> {
        self.back_since = Some(now);
        if self.last != Last::Gone {
            return None;
        }
        self.last = Last::Present;
        Some(News::Back)
    }

    /// It answers, as it did before.
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
    fn an_outage_is_told_when_it_begins_and_when_it_ends() {
        let mut told = Told::default();
        for begins in [5, 500, 1000] {
            assert_eq!(told.went(at(begins)), Some(News::Gone));
            assert_eq!(told.went(at(begins + 1)), None);
            assert_eq!(told.came(at(begins + 100)), Some(News::Back));
            assert_eq!(told.stays(at(begins + 161)), None);
        }
    }

    #[test]
    fn one_that_comes_and_goes_is_told_once_until_it_stays() {
        let mut told = Told::default();
        told.went(at(0));
        told.came(at(1));
        assert_eq!(told.went(at(2)), Some(News::ComesAndGoes));
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
