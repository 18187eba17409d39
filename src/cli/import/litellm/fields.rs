//! The single values of an endpoint, as our settings take them.

use actix_http::header::{HeaderName, HeaderValue};

use super::credential::Header;
use crate::{
    cli::import::{judge, report::Report, source::Item, texts, yaml::Out},
    guard::BaseUrl,
};

/// The most segments of a path.
const MOST_SEGMENTS: usize = 16;
/// The longest time a config takes.
const LONGEST_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// The path, without a slash at its end.
pub fn path(item: &Item<'_>) -> Result<String, &'static str> {
    let text = item.text().unwrap_or_default();
    let path = text.trim_end_matches('/');
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path || path.contains(['?', '#', '{', '*']) {
        return Err("needs a path that begins with / and has no pattern in it");
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments[..] {
        _ if segments.contains(&"") => Err("has a path with an empty segment"),
        _ if segments.len() > MOST_SEGMENTS => Err("has a path of too many segments"),
        ["gateway", ..] => Err("has a path under /gateway/, where the gateway's own pages are"),
        ["v1"] => Err("has the path /v1, where the unified routes are: give it one below"),
        _ => texts::plain(path),
    }
}

/// The target's URL.
pub fn target(item: &Item<'_>) -> Result<String, &'static str> {
    let written = item.text().unwrap_or_default();
    let carried = texts::value(&written)?;
    match (carried.is_reference, BaseUrl::parse(&written)) {
        (true, _) | (false, Ok(_)) => Ok(carried.text),
        (false, Err(_)) if written.contains("://") => {
            Err("has a target that is no http or https URL without user and fragment")
        }
        (false, Err(_)) => Err("has a target that is no URL: Python adapters do not run here"),
    }
}

/// A header to set.
pub fn header<'n>(name: &str, item: &Item<'n>) -> Result<Header<'n>, &'static str> {
    if name == "litellm_user_api_key" {
        return Err("is not needed: a gateway key is found wherever an SDK puts it");
    }
    let written = item.text().ok_or("must be a text")?;
    let known = HeaderName::from_bytes(name.as_bytes());
    let known = known.map_err(|_| "has a name that no header can have")?;
    HeaderValue::from_str(&written).map_err(|_| "has characters that no header can have")?;
    Ok(Header {
        name: known.as_str().to_owned(),
        value: texts::header(&written)?,
        item: item.clone(),
    })
}

/// Why no target of ours may set this header.
pub fn refusal(header: &Header<'_>) -> Option<String> {
    let line = Out::one(&header.name, Out::Text(header.value.text.clone()));
    let target = Out::Map(vec![
        ("custom_host".to_owned(), Out::text("https://a.example")),
        ("headers".to_owned(), line),
    ]);
    let page = Out::one("configs", Out::one("c", target)).document();
    judge::refusal(&page).map(|refusal| refusal.reason)
}

/// LiteLLM's timeout, in seconds, is that of each single wait for the upstream.
pub fn config(item: &Item<'_>, report: &mut Report) -> Option<Out> {
    let fits = |seconds: &f64| (0.001..=LONGEST_SECONDS).contains(seconds);
    let Some(seconds) = item.number().filter(fits) else {
        report.skip(item, "must be a number of seconds, at most a week");
        return None;
    };
    let time = || Out::Plain(((seconds * 1000.0) as u64).to_string());
    let timeouts = Out::Map(vec![
        ("head".to_owned(), time()),
        ("idle".to_owned(), time()),
    ]);
    Some(Out::one("timeouts", timeouts))
}

/// An amount as our settings take it: to billionths of a dollar, and no more than a million.
pub fn dollars(amount: f64) -> Option<String> {
    let text = amount.to_string();
    let decimals = text
        .split_once('.')
        .map_or(0, |(_, decimals)| decimals.len());
    (amount <= 1_000_000.0 && decimals <= 9).then_some(text)
}
