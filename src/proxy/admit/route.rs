//! Which route is a request on? Endpoints, by the longest path; then the unified ones under `/v1`,
//! then those of providers. Raw bytes are compared: another spelling of a path is no route. Pure.

use actix_http::RequestHead;

use crate::{
    endpoint::{Endpoint, Lookup},
    error::{Code, GatewayError},
    gateway::Known,
    proxy::{plan::ByPath, url},
    record::RouteKind,
};

/// The prefix of the unified routes.
const UNIFIED: &str = "/v1";

/// The route of a request, and its raw target taken apart.
pub struct Routed<'a> {
    /// As the caller sent it.
    pub path: &'a str,
    pub query: Option<&'a str>,
    /// The path after the route's own: the target's base URL comes in place of that.
    pub rest: &'a str,
    pub by_path: ByPath<'a>,
}

impl<'a> Routed<'a> {
    /// # Errors
    /// `unknown_route`, and 405 for a method that no endpoint of the path serves.
    pub fn of(known: &'a Known, head: &'a RequestHead) -> Result<Self, GatewayError> {
        let target = head.uri.path_and_query();
        let (path, query) = url::split(target.map_or("/", |target| target.as_str()));
        let (rest, by_path) = match known.endpoints.find(head.method.as_str(), path) {
            Lookup::Nothing => unified(path)
                .map_or_else(|| provider(known, path), |rest| Ok((rest, ByPath::Nothing)))?,
            Lookup::Found(found) => {
                let own = found.endpoint.path.as_str();
                (&path[own.len()..], ByPath::Endpoint(found))
            }
            Lookup::Off => {
                let message = "this endpoint is switched off";
                return Err(GatewayError::new(Code::UnknownRoute, message));
            }
            Lookup::WrongMethod { allow } => return Err(wrong_method(&allow)),
        };
        Ok(Routed {
            path,
            query,
            rest,
            by_path,
        })
    }

    /// Nobody needs a key for it.
    pub fn is_open(&self) -> bool {
        self.endpoint().is_some_and(|it| !it.auth)
    }

    /// As records name it.
    pub fn kind_and_name(&self) -> (RouteKind, Option<&'a str>) {
        match self.by_path {
            ByPath::Nothing => (RouteKind::Unified, None),
            ByPath::Endpoint(found) => (RouteKind::Endpoint, Some(found.endpoint.path.as_str())),
            ByPath::Provider(route) => (RouteKind::Provider, Some(&route.segment)),
        }
    }

    /// The endpoint that it is for.
    pub fn endpoint(&self) -> Option<&'a Endpoint> {
        match self.by_path {
            ByPath::Nothing | ByPath::Provider(_) => None,
            ByPath::Endpoint(found) => Some(found.endpoint),
        }
    }
}

/// What follows the prefix of the unified routes; nothing, for the target's base URL itself.
fn unified(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(UNIFIED)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// A provider's route.
fn provider<'a>(known: &'a Known, path: &'a str) -> Result<(&'a str, ByPath<'a>), GatewayError> {
    let found = known.provider_routes.find(path);
    let found = found.map(|(route, rest)| (rest, ByPath::Provider(route)));
    found.ok_or_else(|| {
        GatewayError::new(
            Code::UnknownRoute,
            "no such route: API paths start with /v1/, with the name of a provider (such as \
             /openai/) or with the path of an endpoint; the gateway's own pages start with \
             /gateway/",
        )
    })
}

fn wrong_method(allow: &str) -> GatewayError {
    let message = format!("this endpoint serves {allow}");
    let mut error = GatewayError::new(Code::MethodNotAllowed, message);
    error.allow = Some(allow.into());
    error
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        config::{Environment, Flags, Settings},
        http::sample,
    };

    fn known(settings: &str) -> Known {
        let (environment, flags) = (Environment::default(), Flags::default());
        let settings = Settings::parse(settings, Path::new("s"), &environment, &flags);
        Known::of(&settings.expect("settings"))
    }

    fn routed(known: &Known, method: &str, path: &str) -> Result<(String, String), GatewayError> {
        let head = sample::head(method.parse().expect("a method"), path, &[]);
        let routed = Routed::of(known, &head)?;
        let name = match routed.by_path {
            ByPath::Nothing => "-".to_owned(),
            ByPath::Endpoint(found) => found.endpoint.name(),
            ByPath::Provider(route) => format!("@{}", route.segment),
        };
        Ok((name, routed.rest.to_owned()))
    }

    #[test]
    fn only_the_prefix_itself_and_whole_segments_behind_it_are_unified_routes() {
        let known = known("");
        for (path, rest) in [
            ("/v1", Some("")),
            ("/v1/", Some("/")),
            ("/v1/chat/completions", Some("/chat/completions")),
            ("/v1//", Some("//")),
            ("/v1/v1", Some("/v1")),
            ("/v10", None),
            ("/v1;a", None),
            ("/v1%2Fx", None),
            ("/V1", None),
            ("/", None),
            ("*", None),
        ] {
            let found = routed(&known, "GET", path).map_err(|error| error.code);
            let expected = rest.map(|rest| ("-".to_owned(), rest.to_owned()));
            assert_eq!(found, expected.ok_or(Code::UnknownRoute), "{path}");
        }
    }

    const ENDPOINTS: &str = r#"
endpoints:
  - { path: /bria, target: "http://h" }
  - { path: /bria/v1/text, target: "http://h", include_subpath: false }
  - { path: /v1/rerank, target: "http://h", methods: [POST] }
  - { path: /v1/rerank, target: "http://h", methods: [GET, HEAD] }
  - { path: /off, target: "http://h", enabled: false }
  - { path: /half, target: "http://h", methods: [GET], enabled: false }
  - { path: /half, target: "http://h", methods: [POST] }
  - { path: "/a%2Fb", target: "http://h" }
  - { path: /openai/v1/files, target: "http://h" }
"#;

    #[test]
    fn the_longest_endpoint_that_fits_decides_by_whole_segments_of_raw_bytes() {
        let known = known(ENDPOINTS);
        for (method, path, expected) in [
            ("GET", "/bria", Ok(("/bria", ""))),
            ("DELETE", "/bria/", Ok(("/bria", "/"))),
            ("POST", "/bria/v1/x?a=1", Ok(("/bria", "/v1/x"))),
            ("GET", "/bria//x", Ok(("/bria", "//x"))),
            ("GET", "/briax", Err("")),
            ("GET", "/bria%2Fx", Err("")),
            ("GET", "/Bria", Err("")),
            ("GET", "/b%72ia", Err("")),
            ("GET", "/x/bria", Err("")),
            ("GET", "/bria/v1/text", Ok(("/bria/v1/text", ""))),
            ("GET", "/bria/v1/text/x", Ok(("/bria", "/v1/text/x"))),
            ("GET", "/bria/v1/text/", Ok(("/bria", "/v1/text/"))),
            ("POST", "/v1/rerank", Ok(("/v1/rerank [POST]", ""))),
            ("HEAD", "/v1/rerank", Ok(("/v1/rerank [GET, HEAD]", ""))),
            ("POST", "/v1/rerank/x", Ok(("/v1/rerank [POST]", "/x"))),
            ("PUT", "/v1/rerank", Err("GET, HEAD, POST")),
            ("POST", "/v1/reranks", Ok(("-", "/reranks"))),
            ("GET", "/off", Err("")),
            ("GET", "/off/x", Err("")),
            ("POST", "/half", Ok(("/half [POST]", ""))),
            ("GET", "/half", Err("POST")),
            ("GET", "/a%2Fb/c", Ok(("/a%2Fb", "/c"))),
            ("GET", "/a%2fb", Err("")),
            ("GET", "/openai/v1/files/1", Ok(("/openai/v1/files", "/1"))),
            ("GET", "/openai/v1/models", Ok(("@openai", "/v1/models"))),
            ("GET", "/openai", Ok(("@openai", ""))),
            ("GET", "/openaix", Err("")),
        ] {
            let found = routed(&known, method, path);
            let found = found.map_err(|error| error.allow.unwrap_or_default().into_string());
            let expected = expected.map(|(name, rest)| (name.to_owned(), rest.to_owned()));
            assert_eq!(found, expected.map_err(str::to_owned), "{method} {path}");
        }
    }
}
