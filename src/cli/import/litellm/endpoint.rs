//! One entry of `pass_through_endpoints` as one of our `endpoints`.

use std::collections::HashMap;

use actix_http::{
    Method,
    header::{HeaderName, HeaderValue},
};

use super::{
    credential::{self, Header},
    hints,
};
use crate::{
    cli::import::{judge, report::Report, source::Item, texts, yaml::Out},
    guard::BaseUrl,
};

/// The default of `timeout`, among the general settings.
pub const TIMEOUT_OF_ALL: &str = "pass_through_request_timeout";
/// LiteLLM forwards no header by default, and makes a content type from the body.
const FORWARDED: [&str; 2] = ["accept", "content-type"];
const QUERY_IS_MERGED: &str =
    "has a query in its target, which is sent here even beside the query of a request";
/// The longest time a config takes.
const LONGEST_SECONDS: f64 = 7.0 * 24.0 * 3600.0;

/// Reads the list; `timeout` is that of all endpoints.
pub fn read(list: &Item<'_>, timeout: Option<&Item<'_>>, report: &mut Report) -> Vec<Out> {
    let Some(items) = list.items() else {
        report.skip(list, "must be a list");
        return Vec::new();
    };
    let mut taken = Taken::default();
    let mut endpoints = Vec::new();
    for item in items {
        let mut endpoint = Endpoint {
            timeout: timeout.cloned(),
            ..Endpoint::default()
        };
        match endpoint.read(&item, report) {
            Err(reason) => report.skip(&item, reason),
            Ok(()) if !taken.take(&endpoint.path, &endpoint.methods) => report.skip(
                &item,
                "has the path and a method of an endpoint before it, which stays",
            ),
            Ok(()) => {
                if endpoint.target.contains('?') && !endpoint.merges {
                    report.skip(&item, QUERY_IS_MERGED);
                }
                endpoints.push(endpoint.out(report));
            }
        }
    }
    endpoints
}

/// The paths and methods so far; an empty list means every method.
#[derive(Default)]
struct Taken(HashMap<String, Vec<Vec<String>>>);

impl Taken {
    fn take(&mut self, path: &str, methods: &[String]) -> bool {
        let lists = self.0.entry(path.to_owned()).or_default();
        let overlaps = |list: &Vec<String>| {
            list.is_empty() || methods.is_empty() || list.iter().any(|it| methods.contains(it))
        };
        let is_free = !lists.iter().any(overlaps);
        if is_free {
            lists.push(methods.to_vec());
        }
        is_free
    }
}

#[derive(Default)]
struct Endpoint<'n> {
    path: String,
    target: String,
    include_subpath: bool,
    methods: Vec<String>,
    headers: Vec<Header<'n>>,
    forwards_all: bool,
    merges: bool,
    query: Vec<(String, Out)>,
    secret_query: Vec<(String, Out)>,
    auth: Option<bool>,
    timeout: Option<Item<'n>>,
    cost: Option<f64>,
}

impl<'n> Endpoint<'n> {
    /// # Errors
    /// Why the whole endpoint stays behind.
    fn read(&mut self, item: &Item<'n>, report: &mut Report) -> Result<(), &'static str> {
        let entries = item.entries().ok_or("must be a mapping")?;
        for (name, item) in &entries {
            match *name {
                "path" => self.path = path(item)?,
                "target" => self.target = target(item)?,
                _ if item.is_null() => {}
                "methods" => self.methods(item)?,
                _ => self.option(name, item, report),
            }
        }
        if self.path.is_empty() || self.target.is_empty() {
            return Err("needs both path and target");
        }
        Ok(())
    }

    fn option(&mut self, name: &str, item: &Item<'n>, report: &mut Report) {
        match name {
            "include_subpath" => set(&mut self.include_subpath, item, report),
            "forward_headers" => set(&mut self.forwards_all, item, report),
            "merge_query_params" => set(&mut self.merges, item, report),
            "auth" => {
                let mut auth = true;
                set(&mut auth, item, report);
                self.auth = Some(auth);
            }
            "headers" => self.headers(item, report),
            "default_query_params" => self.query(item, report),
            "timeout" => self.timeout = Some(item.clone()),
            "cost_per_request" => match item.number() {
                Some(cost) => self.cost = Some(cost),
                None => report.skip(item, "must be a number from 0"),
            },
            // Of no use outside LiteLLM, or always so here.
            "id" | "is_from_config" | "is_streaming" => {}
            _ => report.skip(item, hints::of(&item.path)),
        }
    }

    /// # Errors
    /// A method is wrong: without the list the endpoint would take every method.
    fn methods(&mut self, item: &Item<'_>) -> Result<(), &'static str> {
        let items = item.items().ok_or("needs its methods as a list")?;
        for item in items {
            let method = item.text().unwrap_or_default().to_ascii_uppercase();
            let is_method = Method::from_bytes(method.as_bytes()).is_ok();
            if !is_method || ["CONNECT", "TRACE"].contains(&method.as_str()) {
                return Err("has a method that cannot be forwarded");
            }
            if !self.methods.contains(&method) {
                self.methods.push(method);
            }
        }
        Ok(())
    }

    fn headers(&mut self, item: &Item<'n>, report: &mut Report) {
        let Some(entries) = item.entries() else {
            return report.skip(item, "must be a mapping");
        };
        for (name, item) in entries {
            match header(name, &item) {
                Ok(header) if self.headers.iter().any(|it| it.name == header.name) => {
                    report.skip(&item, "is given twice, in other letters");
                }
                Ok(header) => match refusal(&header) {
                    Some(reason) => report.skip(&item, reason),
                    None => self.headers.push(header),
                },
                Err(reason) => report.skip(&item, reason),
            }
        }
    }

    fn query(&mut self, item: &Item<'_>, report: &mut Report) {
        let Some(entries) = item.entries() else {
            return report.skip(item, "must be a mapping");
        };
        for (name, item) in entries {
            let written = item.text().ok_or("must be a text or a number");
            match written.and_then(|text| texts::value(&text)) {
                Ok(value) if credential::is_credential(name) => {
                    self.secret_query
                        .push((name.to_owned(), Out::secret(value)));
                }
                Ok(value) => self.query.push((name.to_owned(), Out::Text(value.text))),
                Err(reason) => report.skip(&item, reason),
            }
        }
    }

    /// In the order of the documentation.
    fn out(mut self, report: &mut Report) -> Out {
        let from_headers = credential::take(&mut self.headers, report);
        let mut query = self.query;
        let credential = match (from_headers, self.secret_query.is_empty()) {
            (None, false) => Some(Out::one("query", Out::Map(self.secret_query))),
            (from_headers, _) => {
                query.extend(self.secret_query);
                from_headers
            }
        };
        let headers = self.headers.into_iter();
        let headers: Vec<_> = headers
            .map(|it| (it.name, Out::Text(it.value.text)))
            .collect();
        let forwarded = match self.forwards_all {
            true => Out::flag(true),
            false => Out::texts(FORWARDED.map(str::to_owned)),
        };
        let config = self.timeout.and_then(|item| config(&item, report));
        let given = |map: Vec<(String, Out)>| (!map.is_empty()).then_some(Out::Map(map));
        let methods = (!self.methods.is_empty()).then(|| Out::texts(self.methods));
        let fields = [
            ("path", Some(Out::Text(self.path))),
            ("target", Some(Out::Text(self.target))),
            ("include_subpath", Some(Out::flag(self.include_subpath))),
            ("methods", methods),
            ("credential", credential),
            ("headers", given(headers)),
            ("forward_headers", Some(forwarded)),
            ("query", given(query)),
            ("auth", self.auth.map(Out::flag)),
            ("config", config),
            (
                "cost_per_request",
                self.cost.map(|cost| Out::Plain(cost.to_string())),
            ),
        ];
        let fields = fields.into_iter();
        Out::Map(
            fields
                .filter_map(|(key, value)| Some((key.to_owned(), value?)))
                .collect(),
        )
    }
}

fn set(flag: &mut bool, item: &Item<'_>, report: &mut Report) {
    match item.flag() {
        Some(value) => *flag = value,
        None => report.skip(item, "must be true or false"),
    }
}

fn path(item: &Item<'_>) -> Result<String, &'static str> {
    let text = item.text().unwrap_or_default();
    let is_path = text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_path || text.contains(['?', '#', '{', '*']) {
        return Err("needs a path that begins with / and has no pattern in it");
    }
    match text.split('/').nth(1) == Some("gateway") {
        true => Err("has a path under /gateway/, where the gateway's own pages are"),
        false => texts::plain(&text),
    }
}

fn target(item: &Item<'_>) -> Result<String, &'static str> {
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

fn header<'n>(name: &str, item: &Item<'n>) -> Result<Header<'n>, &'static str> {
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
fn refusal(header: &Header<'_>) -> Option<String> {
    let line = Out::one(&header.name, Out::Text(header.value.text.clone()));
    let target = Out::Map(vec![
        ("custom_host".to_owned(), Out::text("https://a.example")),
        ("headers".to_owned(), line),
    ]);
    let page = Out::one("configs", Out::one("c", target)).document();
    judge::refusal(&page).map(|refusal| refusal.reason)
}

/// LiteLLM's timeout, in seconds, is that of each single wait for the upstream.
fn config(item: &Item<'_>, report: &mut Report) -> Option<Out> {
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
