//! May this request be answered from the cache, and this answer be kept? Judges what it is shown; whether the cache is asked
//! for at all, and where the plan leads, is not its business.

use actix_http::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderName},
};

use super::{NoCacheReason, Route, cache_control::says_no_store, noise::Noise};
use crate::{json_edit, route::policy::BodyEdit};

/// Larger answers are not kept.
pub const LARGEST_ANSWER: u64 = 8 * 1024 * 1024;

/// Beginnings of the media types of uploads.
const UPLOADS: [&[u8]; 5] = [
    b"multipart/",
    b"audio/",
    b"image/",
    b"video/",
    b"application/octet-stream",
];

/// A request, as the caller sent it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// The raw path, without the query.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    /// Suffixes of paths that the settings add to the table.
    pub more_paths: &'a [Box<str>],
}

/// Judges a request before its body is read.
///
/// # Errors
/// The first reason against it.
pub fn head_verdict(request: Request<'_>) -> Result<Route, NoCacheReason> {
    let has = |name: HeaderName| request.headers.contains_key(name);
    if has(header::UPGRADE) {
        return Err(NoCacheReason::Upgrade);
    }
    if *request.method != Method::POST {
        return Err(NoCacheReason::Method);
    }
    let route = Route::of(request.path, request.more_paths).ok_or(NoCacheReason::Path)?;
    if is_upload(request.headers) {
        return Err(NoCacheReason::ContentType);
    }
    if is_encoded(request.headers) {
        return Err(NoCacheReason::EncodedRequest);
    }
    if has(header::RANGE) {
        return Err(NoCacheReason::RangeRequest);
    }
    if says_no_store(request.headers) {
        return Err(NoCacheReason::NoStoreRequest);
    }
    Ok(route)
}

/// Judges a body that has been read. What only looks like JSON is for the upstream to refuse: an error is not kept.
///
/// # Errors
/// The first reason against it.
pub fn body_verdict(route: Route, body: &[u8]) -> Result<(), NoCacheReason> {
    match route {
        Route::Other => Ok(()),
        Route::Stateless => match body.trim_ascii() {
            [b'{', .., b'}'] => Ok(()),
            _ => Err(NoCacheReason::NotJson),
        },
        Route::Responses => {
            let mut against = Stateful::default();
            match json_edit::each_entry(body, |key, value| against.look(&key, value)) {
                Ok(()) => against.verdict(),
                Err(_) => Err(NoCacheReason::NotJson),
            }
        }
    }
}

/// Judges what is put into the body on its way, as names and JSON values.
///
/// # Errors
/// See [`body_verdict`].
pub fn edits_verdict(route: Route, override_params: &[BodyEdit]) -> Result<(), NoCacheReason> {
    match route {
        Route::Responses => {
            let mut against = Stateful::default();
            for (key, value) in override_params {
                against.look(key, value);
            }
            against.verdict()
        }
        Route::Stateless | Route::Other => Ok(()),
    }
}

/// Keys that tie an answer to something kept elsewhere, the values that do not, and the reason; the
/// first found is told.
const TIES: [(&str, &[&str], NoCacheReason); 3] = [
    ("background", &["null", "false"], NoCacheReason::Background),
    (
        "previous_response_id",
        &["null"],
        NoCacheReason::PreviousResponseId,
    ),
    ("conversation", &["null"], NoCacheReason::Conversation),
];

/// Which of [`TIES`] there are. Of duplicate keys any counts: which one the upstream reads is not
/// ours to guess.
#[derive(Default)]
struct Stateful([bool; TIES.len()]);

impl Stateful {
    fn look(&mut self, key: &str, value: &str) {
        for (found, (tie, harmless, _)) in self.0.iter_mut().zip(&TIES) {
            *found |= *tie == key && !harmless.contains(&value);
        }
    }

    fn verdict(&self) -> Result<(), NoCacheReason> {
        let mut found = self.0.iter().zip(TIES);
        match found.find(|(found, _)| **found) {
            Some((_, (_, _, reason))) => Err(reason),
            None => Ok(()),
        }
    }
}

fn is_upload(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE);
    types.any(|value| {
        let value = value.as_bytes().trim_ascii_start();
        let begins = |upload: &&[u8]| {
            let begin = value.get(..upload.len());
            begin.is_some_and(|begin| begin.eq_ignore_ascii_case(upload))
        };
        UPLOADS.iter().any(begins)
    })
}

/// A `Content-Encoding` other than none.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CONTENT_ENCODING);
    let mut codings = lines.flat_map(|line| list_items(line.as_bytes()));
    codings.any(|coding| !coding.eq_ignore_ascii_case(b"identity"))
}

fn list_items(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let items = line.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    items.filter(|item| !item.is_empty())
}

/// The head of an upstream's answer.
#[derive(Clone, Copy)]
pub struct Answer<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// Where callers share what is kept, since the settings name the namespace: the names under which credentials travel, which
    /// the key leaves out.
    pub shared: Option<&'a [HeaderName]>,
    /// What the key leaves out of requests.
    pub noise: &'a Noise,
}

/// Judges an answer before its body is read.
///
/// # Errors
/// The first reason against keeping it.
pub fn answer_verdict(answer: Answer<'_>) -> Result<(), NoCacheReason> {
    if answer.status != StatusCode::OK {
        return Err(NoCacheReason::Status);
    }
    sharing_verdict(answer.headers, answer.noise)?;
    if let Some(credentials) = answer.shared {
        if answer.headers.contains_key(header::SET_COOKIE) {
            return Err(NoCacheReason::SetCookieShared);
        }
        if varies(answer.headers).any(|name| credentials.contains(&name)) {
            return Err(NoCacheReason::VaryCredential);
        }
    }
    size_verdict(told_length(answer.headers))
}

/// Judges whether an answer may go to requests of the same caller that asked the same while it was under way, kept or not.
///
/// # Errors
/// It may answer no other request (RFC 9111 §5.2.2.5), or depends on what may differ between them.
pub fn sharing_verdict(headers: &HeaderMap, noise: &Noise) -> Result<(), NoCacheReason> {
    match says_no_store(headers) {
        true => Err(NoCacheReason::NoStoreResponse),
        false => vary_verdict(headers, noise),
    }
}

/// Judges the length of a body, as far as it is known.
///
/// # Errors
/// It is too large to be kept.
pub fn size_verdict(bytes: u64) -> Result<(), NoCacheReason> {
    match bytes > LARGEST_ANSWER {
        true => Err(NoCacheReason::TooLarge),
        false => Ok(()),
    }
}

fn vary_verdict(headers: &HeaderMap, noise: &Noise) -> Result<(), NoCacheReason> {
    let lines = headers.get_all(header::VARY);
    if lines
        .flat_map(|line| list_items(line.as_bytes()))
        .any(|name| name == b"*")
    {
        return Err(NoCacheReason::VaryStar);
    }
    match varies(headers).any(|name| noise.may_contain(&name)) {
        true => Err(NoCacheReason::VaryNoise),
        false => Ok(()),
    }
}

/// The names of request headers that the answer depends on.
fn varies(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let lines = headers.get_all(header::VARY);
    let names = lines.flat_map(|line| list_items(line.as_bytes()));
    names.filter_map(|name| HeaderName::from_bytes(name).ok())
}

/// What `Content-Length` says; zero where it says nothing.
fn told_length(headers: &HeaderMap) -> u64 {
    let told = headers.get(header::CONTENT_LENGTH);
    let told = told.and_then(|length| length.to_str().ok()?.trim().parse().ok());
    told.unwrap_or(0)
}

#[cfg(test)]
mod tests;
