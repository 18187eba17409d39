//! What shows that a response is one: a token or the shape of its dialect on a route that
//! generates, a first byte on others.

use actix_http::{Method, StatusCode};

use crate::{
    dialect::{BodyJudge, Coded, Dialect, FirstEvent, Generates, Media, Verdict},
    upstream::{Asked, UpstreamResponse},
};

/// What shows that a response is one.
pub enum ResponseJudge {
    /// The look of a response of its route.
    Shape(Box<BodyJudge>),
    /// A token. A stream that ends without one is still relayed.
    Token(FirstEvent),
    /// Any byte, or the end.
    FirstByte,
}

impl ResponseJudge {
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        match self {
            ResponseJudge::Shape(shape) => shape.feed(bytes),
            ResponseJudge::Token(events) => begun_at_last(events.feed(bytes)),
            ResponseJudge::FirstByte if bytes.is_empty() => Verdict::Undecided,
            ResponseJudge::FirstByte => Verdict::Begun,
        }
    }

    pub fn end(&mut self) -> Verdict {
        match self {
            ResponseJudge::Shape(shape) => shape.end(),
            ResponseJudge::Token(_) | ResponseJudge::FirstByte => Verdict::Begun,
        }
    }
}

fn begun_at_last(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Undecided => Verdict::Undecided,
        Verdict::Begun | Verdict::Refused(_) => Verdict::Begun,
    }
}

/// The response is a stream of server-sent events.
pub fn is_stream(response: &UpstreamResponse) -> bool {
    Media::of(&response.head.headers) == Media::Events
}

/// How to judge this response to a request with this method and path; `None` if it has no body.
pub fn judge_for(
    response: &UpstreamResponse,
    asked: Asked,
    method: &Method,
    path: &str,
) -> Option<ResponseJudge> {
    let route = Generates::of(path).filter(|_| *method == Method::POST);
    match route {
        Some(route) if is_judged(response, asked) => {
            let judge = BodyJudge::new(route, &response.head.headers);
            Some(ResponseJudge::Shape(Box::new(judge)))
        }
        _ => token_judge_for(response, asked, path),
    }
}

/// How to wait for the first token of this response; `None` if it has no body.
pub fn token_judge_for(
    response: &UpstreamResponse,
    asked: Asked,
    path: &str,
) -> Option<ResponseJudge> {
    let head = &response.head;
    let bodyless = matches!(
        head.status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if bodyless || asked != Asked::Ordinary {
        return None;
    }
    let shows_tokens = is_stream(response) && Coded::of(&head.headers) == Coded::Plain;
    Some(match is_judged(response, asked) && shows_tokens {
        true => ResponseJudge::Token(FirstEvent::new(Dialect::of(path))),
        false => ResponseJudge::FirstByte,
    })
}

fn is_judged(response: &UpstreamResponse, asked: Asked) -> bool {
    asked == Asked::Ordinary && response.head.status == StatusCode::OK
}
