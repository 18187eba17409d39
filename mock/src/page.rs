//! The text of `docs/mock.md`: what the mock is, its routes and its faults, from the tables that
//! the mock itself uses.

use std::fmt::Write as _;

use crate::faults::faults_reference;
use crate::routes::ROUTES;

const OPENING: &str = "\
# The mock

This page is printed by `throughway docs mock` from the tables that the mock itself uses.

`throughway mock` is a provider to try and test with. It responds as OpenAI and Anthropic do, with
streams too, but with fixed words, and it produces faults on demand. It needs no key, no network and
no model.

```sh
throughway mock                                     # on 127.0.0.1:9797
curl http://127.0.0.1:9797/v1/chat/completions -H 'x-mock-status: 503' -d '{\"messages\": []}'
```

`throughway mock --help` lists its options: address, workers, models, tokens, faults for every
request, and the seed of its random numbers.

## Routes

A route matches the end of the path, so that any prefix works: `/v1/...`, `/openai/v1/...`,
`/openai/deployments/x/...`, or none. `{id}` is one segment, `{rest}` the rest of the path. A route
for `GET` also takes `HEAD`. A WebSocket handshake is accepted on any path, and each frame is sent
back. Any other path gets a 404 and any other method a 405, with the error body of the dialect: that
of Anthropic if the path contains `/messages` or the request has an `anthropic-version` header, else
that of OpenAI.

| method | path ends with | response |
|---|---|---|
";

const FAULTS: &str = "
## Faults

A request sets a fault with the header `x-mock-NAME: VALUE` or with `mock_NAME=VALUE` in the query;
`--fault NAME=VALUE` sets it for every request. The query overrides the header, and the header
overrides the option. A switch without a value is on, and `0` turns it off. `MS` is milliseconds.
A request with an unknown name or an invalid value gets a 400. The response header `x-mock-asked`
lists the faults that were set.

";

/// The page.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    let any_method = [
        ("any", "/", "A greeting with the main routes, as text."),
        (
            "any",
            "/echo, /v1/echo, and all below",
            "The request as received: method, target, headers, framing and body, as JSON.",
        ),
    ];
    let routes = ROUTES.iter();
    let routes = routes.map(|route| (route.method, route.end, route.meaning));
    for (method, end, meaning) in routes.chain(any_method) {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {method} | `{end}` | {meaning} |");
    }
    page.push_str(FAULTS);
    page.push_str(&faults_reference());
    page
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_the_repository_is_the_printed_one() {
        let kept = include_str!("../../docs/mock.md").replace("\r\n", "\n");
        assert!(
            kept == super::page(),
            "docs/mock.md is out of step: run `throughway docs mock > docs/mock.md`"
        );
    }
}
