//! `throughway endpoints`: lists the endpoints of a running gateway, and sends one a test request,
//! by the admin API.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::keys::{
    api::{Api, encoded, printable},
    failure::Failure,
};
use crate::config::Environment;

const ENDPOINTS: &str = "/gateway/admin/v1/endpoints";

/// What to do with endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum EndpointsCommand {
    /// List the endpoints of settings and store
    List(Gateway),
    /// Send one request to an endpoint; shows its route, and how the response begins
    Test(TestArgs),
}

/// Which gateway, and how its response is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Gateway {
    /// The running gateway, by default http://127.0.0.1:8787 [env: THROUGHWAY_URL]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `endpoints test`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct TestArgs {
    /// The path and query of the request, such as /bria/v1/images
    #[arg(value_name = "PATH")]
    pub path: String,
    /// Its method; POST if there are data, else GET
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub method: Option<String>,
    /// A header of the request; as often as wanted
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// Its body
    #[arg(short = 'd', long, value_name = "DATA")]
    pub data: Option<String>,
    #[command(flatten)]
    pub gateway: Gateway,
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text
        .split_once(':')
        .ok_or("must be written `name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// Runs a command; returns the exit code: 1 if nothing could be tested or listed.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    command: &EndpointsCommand,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let gateway = match command {
        EndpointsCommand::List(gateway) => gateway,
        EndpointsCommand::Test(args) => &args.gateway,
    };
    let api = Api::new(gateway.url.as_deref(), environment);
    let told = api.and_then(|api| match command {
        EndpointsCommand::List(_) => listed(&api).map(Told::List),
        EndpointsCommand::Test(args) => tested(&api, args).map(Told::Test),
    });
    match told {
        Ok(told) => {
            let text = if gateway.json {
                told.json()
            } else {
                told.text()
            };
            out.write_all(text.as_bytes())?;
            out.flush()?;
            Ok(0)
        }
        Err(failure) => {
            writeln!(err, "error: {failure}")?;
            Ok(1)
        }
    }
}

/// What is printed.
enum Told {
    List(Vec<Value>),
    Test(Value),
}

fn listed(api: &Api) -> Result<Vec<Value>, Failure> {
    let mut endpoints = Vec::new();
    let mut path = format!("{ENDPOINTS}?limit=1000");
    loop {
        let mut page = api.json("GET", &path, None)?;
        if let Some(Value::Array(items)) = page.get_mut("data").map(Value::take) {
            endpoints.extend(items);
        }
        match page["next_cursor"].as_str() {
            None => return Ok(endpoints),
            Some(cursor) => {
                path = format!("{ENDPOINTS}?limit=1000&cursor={}", encoded(cursor));
            }
        }
    }
}

fn tested(api: &Api, args: &TestArgs) -> Result<Value, Failure> {
    let usual = if args.data.is_some() { "POST" } else { "GET" };
    let method = args.method.as_deref().unwrap_or(usual);
    let endpoints = listed(api)?;
    let Some((id, rest)) = find(&endpoints, method, &args.path) else {
        return Err(Failure::NoEndpoint {
            method: method.to_owned(),
            path: args.path.clone(),
        });
    };
    let headers = args.headers.iter().cloned();
    let headers: Map<String, Value> = headers.map(|(name, it)| (name, it.into())).collect();
    let call = json!({ "method": method, "path": rest, "headers": headers, "body": args.data });
    let path = format!("{ENDPOINTS}/{}/test", encoded(id));
    api.json("POST", &path, Some(&call))
}

/// The id of the endpoint that the gateway would choose, and what follows its path. The gateway
/// refuses a test of another one than it would choose.
fn find<'e>(endpoints: &'e [Value], method: &str, path: &'e str) -> Option<(&'e str, &'e str)> {
    let fits = |it: &'e Value| {
        let own = it["path"].as_str()?;
        let rest = path.strip_prefix(own)?;
        let methods = it["methods"].as_array();
        let serves = methods.is_none_or(|all| all.iter().any(|it| it == method));
        let is_below = rest.is_empty() || rest.starts_with(['/', '?']);
        (is_below && it.get("error").is_none()).then_some((own, serves, it["id"].as_str()?, rest))
    };
    let found = endpoints.iter().filter_map(fits);
    let (_, _, id, rest) = found.max_by_key(|(own, serves, ..)| (own.len(), *serves))?;
    Some((id, rest))
}

impl Told {
    fn json(&self) -> String {
        match self {
            Told::List(endpoints) => format!("{}\n", json!(endpoints)),
            Told::Test(test) => format!("{test:#}\n"),
        }
    }

    fn text(&self) -> String {
        match self {
            Told::List(endpoints) => endpoints.iter().map(line).collect(),
            Told::Test(test) => test_text(test),
        }
    }
}

/// One endpoint in one line: name, target, where it is from, and whether it serves requests.
fn line(endpoint: &Value) -> String {
    let field = |name: &str| endpoint[name].as_str().unwrap_or("-");
    let state = match (endpoint["error"].as_str(), endpoint["enabled"].as_bool()) {
        (Some(error), _) => format!("no effect: {error}"),
        (None, Some(false)) => "off".to_owned(),
        (None, Some(true) | None) => "on".to_owned(),
    };
    let (name, target, source) = (field("name"), field("target"), field("source"));
    printable(&format!("{name}  {target}  {source}  {state}")) + "\n"
}

fn test_text(test: &Value) -> String {
    let (sent, response) = (&test["sent"], &test["response"]);
    let text = |value: &Value| printable(value.as_str().unwrap_or_default());
    let mut lines = vec![format!("{} {}", text(&sent["method"]), text(&sent["path"]))];
    if let Some(error) = test["preview"]["error"].as_str() {
        lines.push(format!("route: {}", printable(error)));
    }
    for target in test["preview"]["targets"].as_array().into_iter().flatten() {
        let (origin, path) = (text(&target["origin"]), text(&target["path"]));
        let own = match target["credentials"]["own"].as_str() {
            Some(name) => printable(name),
            None => "none".to_owned(),
        };
        lines.push(format!("route: {origin}{path} (credential: {own})"));
    }
    match response["error"].as_str() {
        Some(error) => lines.push(printable(error)),
        None => {
            let (status, time) = (&response["status"], &response["time_ms"]);
            lines.push(format!(
                "{status} after {time} ms, body {}",
                text(&response["body_end"])
            ));
            let body = response["body"].as_str().unwrap_or_default();
            lines.push(body.lines().map(printable).collect::<Vec<_>>().join("\n"));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_endpoint_is_the_one_that_the_gateway_would_choose() {
        let endpoints = [
            json!({ "id": "1", "path": "/a" }),
            json!({ "id": "2", "path": "/a/b", "methods": ["POST"] }),
            json!({ "id": "3", "path": "/a/b", "methods": ["GET"] }),
            json!({ "id": "4", "path": "/a/b/c", "error": "left out" }),
        ];
        for (method, path, expected) in [
            ("GET", "/a", Some(("1", ""))),
            ("GET", "/a?x=1", Some(("1", "?x=1"))),
            ("GET", "/ab", None),
            ("POST", "/a/b/c", Some(("2", "/c"))),
            ("GET", "/a/b", Some(("3", ""))),
            ("GET", "/c", None),
        ] {
            assert_eq!(find(&endpoints, method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn what_an_upstream_says_cannot_steer_the_terminal() {
        let test = json!({
            "sent": { "method": "GET", "path": "/a" },
            "preview": { "targets": [{ "origin": "http://h", "path": "/x",
                                       "credentials": { "own": "bearer" } }] },
            "response": { "status": 200, "time_ms": 3, "body_end": "complete",
                          "body": "one\n\u{1b}[2Jtwo" },
        });
        let expected = "GET /a\nroute: http://h/x (credential: bearer)\n\
                        200 after 3 ms, body complete\none\n [2Jtwo\n";
        assert_eq!(Told::Test(test).text(), expected);
        let off =
            json!({ "name": "/a", "target": "http://h", "source": "store", "enabled": false });
        assert_eq!(Told::List(vec![off]).text(), "/a  http://h  store  off\n");
    }
}
