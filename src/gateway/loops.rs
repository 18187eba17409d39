//! Would this request come back to this gateway, over others? Loops need hops that nobody named:
//! what a caller names in headers of ours ends at the first gateway. So requests that name no
//! target are marked, but only where many alike wait for an answer already, as in a loop they must:
//! an ordinary request carries nothing of ours. See docs/adr/0009.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hash as _, Hasher as _},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
};

use actix_http::{
    RequestHead,
    header::{self, HeaderMap, HeaderValue},
};

use super::{joined, push_joined};
use crate::{
    error::{Code, GatewayError},
    route::policy::HeaderEdit,
    upstream::BodyLength,
};

/// So many requests alike may wait for an answer before those that follow are marked.
const MOST_UNMARKED: u32 = 64;
/// A request may come back marked once and be honest, on its way to another target. So often it may
/// not: with fallbacks on its way each round multiplies the requests.
const PASSES_OF_A_LOOP: usize = 2;
/// Kinds of requests that are counted apart.
const KINDS: usize = 1024;

/// What tells loops.
pub struct Loops {
    /// What the settings have each request say in `Via`.
    name: Option<String>,
    kinds: Box<[Kind]>,
    hasher: RandomState,
}

/// Requests alike that name no target.
#[derive(Default)]
struct Kind {
    /// So many wait for an answer.
    waiting: AtomicU32,
    /// They are in a loop: all of them are marked.
    is_found: AtomicBool,
}

/// A request that names no target, for as long as it waits for an answer.
pub struct Waiting<'l> {
    kind: &'l Kind,
    /// What only this process says in `Via`, and only of this kind: whoever has seen it elsewhere
    /// can do nothing to others with it.
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

    /// What of a request is the same each time it comes round. Paths and lists of addresses may
    /// grow.
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

    /// The `Via` line of the request (RFC 9110 §7.6.3), if it gets one of ours. It contains the
    /// caller's.
    ///
    /// # Errors
    /// `loop_detected` when the caller's says that the request has been here, too often to be
    /// honest.
    pub(super) fn via(
        &self,
        headers: &HeaderMap,
        waiting: Option<&Waiting<'_>>,
        added: &mut Vec<HeaderEdit>,
    ) -> Result<(), GatewayError> {
        let is_marked = waiting.is_some_and(|it| it.is_marked);
        if !headers.contains_key(header::VIA) && self.name.is_none() && !is_marked {
            return Ok(());
        }
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
    use super::*;

    fn head(lines: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::default();
        for (name, value) in lines {
            let name: header::HeaderName = name.parse().expect("a name");
            head.headers.append(name, value.parse().expect("a value"));
        }
        head
    }

    /// What goes up in `Via`.
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

    /// What a marked request of this kind says.
    fn marked(waiting: &Waiting<'_>) -> String {
        format!("1.1 throughway-{:016x}", waiting.mark)
    }

    #[test]
    fn only_what_follows_many_alike_is_marked() {
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
    fn what_comes_back_marked_too_often_is_refused_and_all_alike_that_follow_are_marked() {
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
        // The mark of one kind says nothing of another, nor of a request that names its target.
        let others: Vec<_> = (1..9).map(BodyLength::Exact).collect();
        for length in &others {
            let other = loops.wait(&again, *length);
            let sent = via(&loops, &again, Some(&other));
            assert_eq!(sent, Ok(String::new()), "run it again: one in 128");
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
