//! One entry of `pass_through_endpoints` as one of our `endpoints`.

use std::collections::HashMap;

use actix_http::Method;

use super::{
    credential::{self, Header},
    fields, hints,
};
use crate::cli::import::{judge, report::Report, source::Item, texts, yaml::Out};

/// The default of `timeout`, among the general settings.
pub const TIMEOUT_OF_ALL: &str = "pass_through_request_timeout";
const QUERY_IS_MERGED: &str =
    "has a query in its target, which is sent here even beside the query of a request";

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
                let out = endpoint.out(report);
                let alone = Out::one("endpoints", Out::List(vec![out.clone()]));
                match judge::refusal(&alone.document()) {
                    Some(refused) => report.skip(&item, refused.reason),
                    None => endpoints.push(out),
                }
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
    cost: Option<String>,
}

impl<'n> Endpoint<'n> {
    /// # Errors
    /// Why the whole endpoint stays behind.
    fn read(&mut self, item: &Item<'n>, report: &mut Report) -> Result<(), &'static str> {
        let entries = item.entries().ok_or("must be a mapping")?;
        for (name, item) in &entries {
            match *name {
                "path" => self.path = fields::path(item)?,
                "target" => self.target = fields::target(item)?,
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
            "cost_per_request" => match item.number().and_then(fields::dollars) {
                Some(cost) => self.cost = Some(cost),
                None => report.skip(item, "must be US dollars, with at most nine decimals"),
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
            match fields::header(name, &item) {
                Ok(header) if self.headers.iter().any(|it| it.name == header.name) => {
                    report.skip(&item, "is given twice, in other letters");
                }
                Ok(header) => match fields::refusal(&header) {
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
        let config = self.timeout.and_then(|item| fields::config(&item, report));
        let given = |map: Vec<(String, Out)>| (!map.is_empty()).then_some(Out::Map(map));
        let methods = (!self.methods.is_empty()).then(|| Out::texts(self.methods));
        let fields = [
            ("path", Some(Out::Text(self.path))),
            ("target", Some(Out::Text(self.target))),
            ("include_subpath", Some(Out::flag(self.include_subpath))),
            ("methods", methods),
            ("credential", credential),
            ("headers", given(headers)),
            ("forward_headers", Some(Out::flag(self.forwards_all))),
            ("query", given(query)),
            ("auth", self.auth.map(Out::flag)),
            ("config", config),
            ("cost_per_request", self.cost.map(Out::Plain)),
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
