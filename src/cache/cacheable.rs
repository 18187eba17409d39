//! Decides whether a request may be served from the cache and whether a response may be stored,
//! from their heads and the request's body. Whether the cache is enabled at all is decided
//! elsewhere.

use actix_http::{
    Method, StatusCode,
    header::{self, HeaderMap, HeaderName},
};

use super::{NoCacheReason, Route, cache_control::says_no_store, noise::Noise};
use crate::{
    http::{self, content_length::content_length, encoding::is_encoded, media_type::is_upload},
    json_edit,
    route::policy::BodyEdit,
};

/// Larger responses are not stored.
pub const LARGEST_RESPONSE: u64 = 8 * 1024 * 1024;

/// The head of a request, as the caller sent it.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// The raw path, without the query.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    /// Path suffixes that the settings add (`cache.paths`).
    pub more_paths: &'a [Box<str>],
}

/// Judges a request by its head.
///
/// # Errors
/// The first reason not to use the cache.
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

/// Judges a request by its body. Malformed JSON may pass: the upstream rejects it, and errors are
/// not stored.
///
/// # Errors
/// The first reason not to use the cache.
pub fn body_verdict(route: Route, body: &[u8]) -> Result<(), NoCacheReason> {
    match route {
        Route::Other => Ok(()),
        Route::Stateless => match body.trim_ascii() {
            [b'{', .., b'}'] => Ok(()),
            _ => Err(NoCacheReason::NotJson),
        },
        Route::Responses => {
            let mut found = StateFieldsFound::default();
            match json_edit::each_entry(body, |key, value| found.look(&key, value)) {
                Ok(()) => found.verdict(),
                Err(_) => Err(NoCacheReason::NotJson),
            }
        }
    }
}

/// Judges the fields that the gateway sets in the body, as names and JSON values.
///
/// # Errors
/// See [`body_verdict`].
pub fn edits_verdict(route: Route, override_params: &[BodyEdit]) -> Result<(), NoCacheReason> {
    match route {
        Route::Responses => {
            let mut found = StateFieldsFound::default();
            for (key, value) in override_params {
                found.look(key, value);
            }
            found.verdict()
        }
        Route::Stateless | Route::Other => Ok(()),
    }
}

/// Body fields that make a response depend on stored state: name, values that do not, and reason.
/// The first that matches is reported.
const STATE_FIELDS: [(&str, &[&str], NoCacheReason); 3] = [
    ("background", &["null", "false"], NoCacheReason::Background),
    (
        "previous_response_id",
        &["null"],
        NoCacheReason::PreviousResponseId,
    ),
    ("conversation", &["null"], NoCacheReason::Conversation),
];

/// Which of [`STATE_FIELDS`] were found. With duplicate keys each occurrence counts, since it is
/// unknown which one the upstream reads.
#[derive(Default)]
struct StateFieldsFound([bool; STATE_FIELDS.len()]);

impl StateFieldsFound {
    fn look(&mut self, key: &str, value: &str) {
        for (found, (field, harmless, _)) in self.0.iter_mut().zip(&STATE_FIELDS) {
            *found |= *field == key && !harmless.contains(&value);
        }
    }

    fn verdict(&self) -> Result<(), NoCacheReason> {
        let mut found = self.0.iter().zip(STATE_FIELDS);
        match found.find(|(found, _)| **found) {
            Some((_, (_, _, reason))) => Err(reason),
            None => Ok(()),
        }
    }
}

/// The head of an upstream response.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// Set where callers share entries because the settings name the namespace: the names of the
    /// credential headers, which the key leaves out.
    pub shared: Option<&'a [HeaderName]>,
    /// The request headers that the key leaves out.
    pub noise: &'a Noise,
}

/// Judges a response by its head.
///
/// # Errors
/// The first reason not to store it.
pub fn response_verdict(response: Response<'_>) -> Result<(), NoCacheReason> {
    if response.status != StatusCode::OK {
        return Err(NoCacheReason::Status);
    }
    sharing_verdict(response.headers, response.noise)?;
    if let Some(credentials) = response.shared {
        if response.headers.contains_key(header::SET_COOKIE) {
            return Err(NoCacheReason::SetCookieShared);
        }
        if varies(response.headers).any(|name| credentials.contains(&name)) {
            return Err(NoCacheReason::VaryCredential);
        }
    }
    size_verdict(content_length(response.headers).ok().flatten().unwrap_or(0))
}

/// Judges whether a response may be given to identical requests of the same caller that were in
/// flight at the same time, even if it is not stored.
///
/// # Errors
/// The response forbids sharing (RFC 9111 §5.2.2.5) or depends on headers that may differ between
/// the requests.
pub fn sharing_verdict(headers: &HeaderMap, noise: &Noise) -> Result<(), NoCacheReason> {
    match says_no_store(headers) {
        true => Err(NoCacheReason::NoStoreResponse),
        false => vary_verdict(headers, noise),
    }
}

/// Judges the length of a body, as far as it is known.
///
/// # Errors
/// The body is too large to be stored.
fn size_verdict(bytes: u64) -> Result<(), NoCacheReason> {
    match bytes > LARGEST_RESPONSE {
        true => Err(NoCacheReason::TooLarge),
        false => Ok(()),
    }
}

fn vary_verdict(headers: &HeaderMap, noise: &Noise) -> Result<(), NoCacheReason> {
    let lines = headers.get_all(header::VARY);
    if lines
        .flat_map(|line| http::items(line.as_bytes()))
        .any(|name| name == b"*")
    {
        return Err(NoCacheReason::VaryStar);
    }
    match varies(headers).any(|name| noise.may_contain(&name)) {
        true => Err(NoCacheReason::VaryNoise),
        false => Ok(()),
    }
}

/// The request headers named by `Vary`.
fn varies(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    let lines = headers.get_all(header::VARY);
    let names = lines.flat_map(|line| http::items(line.as_bytes()));
    names.filter_map(|name| HeaderName::from_bytes(name).ok())
}

#[cfg(test)]
mod tests;
