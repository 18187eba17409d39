//! Would this request come back to this gateway by way of others? What a caller names in our
//! headers ends at the first gateway, so only requests that name no target can loop. They are
//! marked, but only where many similar ones wait for a response already, as they must in a loop: an
//! ordinary request carries no mark. See docs/adr/0009.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash as _, Hasher as _},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use actix_http::{
    RequestHead,
    header::{self, HeaderMap, HeaderValue},
};

use super::list_lines::{joined, push_joined};
use crate::{
    error::{Code, GatewayError},
    route::policy::HeaderEdit,
    upstream::BodyLength,
};

/// This many similar requests may wait for a response before those that follow are marked.
const MOST_UNMARKED: u32 = 64;
/// A marked request that comes back once may be on its way to another target. One that comes back
/// this often is in a loop; fallbacks on its way would multiply the requests with each round.
const PASSES_OF_A_LOOP: usize = 2;
/// The number of kinds into which requests are counted.
const KINDS: usize = 1024;

/// Detects loops.
pub struct Loops {
    /// The gateway's name in `Via`, if the settings ask for one.
    name: Option<String>,
    kinds: Arc<[Kind]>,
    hasher: RandomState,
}

/// Similar requests that name no target.
#[derive(Default)]
struct Kind {
    /// The number that wait for a response.
    waiting: AtomicU32,
    /// The requests are in a loop: all of them are marked.
    is_found: AtomicBool,
}

/// A request that names no target, for as long as it waits for a response.
pub struct Waiting<'l> {
    kind: &'l Kind,
    /// The mark in `Via`, of this process and of this kind only: whoever has seen it cannot use it
    /// against requests of another kind.
    mark: u64,
    is_marked: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.kind.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Loops {
    pub fn new(name: Option<String>) -> Self {
        Loops {
            name,
            kinds: (0..KINDS).map(|_| Kind::default()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The same counts under another name.
    pub fn named(&self, name: Option<String>) -> Self {
        Loops {
            name,
            kinds: self.kinds.clone(),
            hasher: self.hasher.clone(),
        }
    }

    /// Counts a request that names no target.
    pub fn wait(&self, head: &RequestHead, length: BodyLength) -> Waiting<'_> {
        let number = self.kind(head, length);
        let kind = &self.kinds[number];
        let before = kind.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting {
            kind,
            mark: self.hasher.hash_one(("mark", number)),
            is_marked: before >= MOST_UNMARKED || kind.is_found.load(Ordering::Relaxed),
        }
    }

    /// Hashes what is the same in each round of a loop. Paths and lists of addresses may grow.
    fn kind(&self, head: &RequestHead, length: BodyLength) -> usize {
        let mut kind = self.hasher.build_hasher();
        head.method.as_str().hash(&mut kind);
        match length {
            BodyLength::Exact(length) => length.hash(&mut kind),
            BodyLength::None | BodyLength::Chunked | BodyLength::Tunnel => {}
        }
        for name in [header::AUTHORIZATION, header::USER_AGENT] {
            let value = head.headers().get(name).map(HeaderValue::as_bytes);
            value.hash(&mut kind);
        }
        (kind.finish() % KINDS as u64) as usize
    }

    /// The request gets a `Via` line, whether or not it has one.
    pub(super) fn adds_via(&self, waiting: Option<&Waiting<'_>>) -> bool {
        self.name.is_some() || waiting.is_some_and(|it| it.is_marked)
    }

    /// Adds our `Via` line (RFC 9110 §7.6.3), if the request gets one. It contains the caller's.
    ///
    /// # Errors
    /// `loop_detected` if the caller's line says that the request has been here too often.
    pub(super) fn via(
        &self,
        headers: &HeaderMap,
        waiting: Option<&Waiting<'_>>,
        added: &mut Vec<HeaderEdit>,
    ) -> Result<(), GatewayError> {
        let is_marked = waiting.is_some_and(|it| it.is_marked);
        let so_far = joined(headers, &header::VIA);
        let passes = |name: &str| {
            let parts = so_far.split(|byte| matches!(byte, b',' | b' ' | b'\t'));
            parts.filter(|part| *part == name.as_bytes()).count()
        };
        if self.name.as_deref().is_some_and(|name| passes(name) > 0) {
            return Err(found(
                "the request has passed through this gateway before (`via`)",
            ));
        }
        let mark = waiting.map(|it| format!("throughway-{:016x}", it.mark));
        if let (Some(waiting), Some(mark)) = (waiting, &mark)
            && passes(mark) >= PASSES_OF_A_LOOP
        {
            if !waiting.kind.is_found.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "a request came back again and again: a default target leads over other \
                     gateways to this one"
                );
            }
            return Err(found(
                "the request comes back to this gateway again and again: a default target \
                 (`default_target`, `default_config`) leads over other gateways to this one",
            ));
        }
        let ours: Vec<String> = self
            .name
            .iter()
            .chain(mark.iter().filter(|_| is_marked))
            .map(|name| format!("1.1 {name}"))
            .collect();
        if !ours.is_empty() {
            push_joined(added, header::VIA, &so_far, &ours.join(", "));
        }
        Ok(())
    }
}

fn found(message: &'static str) -> GatewayError {
    GatewayError::new(Code::LoopDetected, message)
}

#[cfg(test)]
mod tests {
    use actix_http::Method;

    use super::*;
    use crate::http::sample;

    fn head(lines: &[(&str, &str)]) -> RequestHead {
        sample::head(Method::POST, "/", lines)
    }

    /// The entry in `Via`.
    fn via(
        loops: &Loops,
        head: &RequestHead,
        waiting: Option<&Waiting<'_>>,
    ) -> Result<String, Code> {
        let mut added = Vec::new();
        let checked = loops.via(head.headers(), waiting, &mut added);
        checked.map_err(|error| error.code)?;
        let value = added.first().and_then(|(_, value)| value.as_ref());
        Ok(value.map_or_else(String::new, |it| it.to_str().expect("ASCII").to_owned()))
    }

    /// The mark of requests of this kind.
    fn marked(waiting: &Waiting<'_>) -> String {
        format!("1.1 throughway-{:016x}", waiting.mark)
    }

    #[test]
    fn only_requests_after_many_similar_ones_are_marked() {
        let loops = Loops::new(None);
        let request = head(&[("via", "1.0 before"), ("user-agent", "a")]);
        let most = MOST_UNMARKED as usize;
        let alike: Vec<_> = (0..most)
            .map(|_| loops.wait(&request, BodyLength::Exact(5)))
            .collect();
        for waiting in &alike {
            assert_eq!(via(&loops, &request, Some(waiting)), Ok(String::new()));
        }
        let next = loops.wait(&request, BodyLength::Exact(5));
        let marked = format!("1.0 before, {}", marked(&next));
        assert_eq!(via(&loops, &request, Some(&next)), Ok(marked));
        assert_eq!(
            via(&loops, &request, None),
            Ok(String::new()),
            "one that names its target"
        );
        drop((alike, next));
        let later = loops.wait(&request, BodyLength::Exact(5));
        assert_eq!(via(&loops, &request, Some(&later)), Ok(String::new()));
    }

    #[test]
    fn a_request_that_comes_back_marked_too_often_is_refused_and_similar_ones_are_marked() {
        let loops = Loops::new(None);
        let plain = head(&[]);
        let waiting = loops.wait(&plain, BodyLength::None);
        let mark = |times: usize| vec![marked(&waiting) + ", 1.1 other"; times].join(", ");
        for times in 0..PASSES_OF_A_LOOP {
            let request = head(&[("via", &mark(times))]);
            let sent = via(&loops, &request, Some(&waiting));
            assert_eq!(sent, Ok(String::new()), "{times}");
        }
        let again = head(&[("via", &mark(PASSES_OF_A_LOOP))]);
        // The mark of one kind has no effect on another kind, or on a request that names its
        // target.
        let kind = loops.kind(&plain, BodyLength::None);
        let is_other = |length: &BodyLength| loops.kind(&again, *length) != kind;
        let lengths = (1..).map(BodyLength::Exact).filter(is_other);
        let others: Vec<_> = lengths.take(8).collect();
        for length in &others {
            let other = loops.wait(&again, *length);
            let sent = via(&loops, &again, Some(&other));
            assert_eq!(sent, Ok(String::new()));
        }
        assert_eq!(via(&loops, &again, None), Ok(String::new()));
        let refused = via(&loops, &again, Some(&waiting));
        assert_eq!(refused, Err(Code::LoopDetected));
        let next = loops.wait(&plain, BodyLength::None);
        assert_eq!(via(&loops, &plain, Some(&next)), Ok(marked(&next)));
        let other = loops.wait(&plain, others[0]);
        assert_eq!(via(&loops, &plain, Some(&other)), Ok(String::new()));
        let process = Loops::new(None);
        assert_ne!(process.wait(&plain, BodyLength::None).mark, waiting.mark);
    }

    #[test]
    fn the_settings_name_goes_with_every_request_and_may_not_come_back() {
        let loops = Loops::new(Some("edge".to_owned()));
        for (so_far, sent) in [
            ("", Ok("1.1 edge")),
            ("1.1 edgy, 1.0 a b", Ok("1.1 edgy, 1.0 a b, 1.1 edge")),
            ("1.0 a,1.1 edge", Err(Code::LoopDetected)),
        ] {
            let request = head(&[("via", so_far)]);
            assert_eq!(
                via(&loops, &request, None),
                sent.map(str::to_owned),
                "{so_far}"
            );
        }
    }
}
