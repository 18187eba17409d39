//! The text of `docs/mock.md`: what the mock is, the routes it answers and the faults it makes,
//! from the tables it goes by.

use std::fmt::Write as _;

use crate::faults::faults_reference;
use crate::routes::{ROUTES, Route};

const OPENING: &str = "\
# The mock

This page is printed by `throughway docs mock` from the tables the mock itself uses.

`throughway mock` is an upstream to try and test with: it answers as OpenAI and Anthropic do,
streams included, with made-up words, and makes faults on demand. It needs no key, no network and no
model.

```sh
throughway mock                                     # on 127.0.0.1:9797
curl http://127.0.0.1:9797/v1/chat/completions -H 'x-mock-status: 503' -d '{\"messages\": []}'
```

`throughway mock --help` lists its flags: address, workers, models, tokens, a fault for every
request, and where its random numbers start.

## Routes

A route is found by the end of the path, so that any prefix works: `/v1/...`, `/openai/v1/...`,
`/openai/deployments/x/...`, or none. `{id}` is one segment, `{rest}` all that follows. `HEAD` is
answered where `GET` is. A WebSocket handshake is accepted on any path, and each frame is sent back.
Any other path is a 404, another method a 405, both with the dialect's error body.

| method | path ends with | answer |
|---|---|---|
";

const FAULTS: &str = "
## Faults

A request asks for a fault with the header `x-mock-NAME: VALUE` or with `mock_NAME=VALUE` in the
query; `--fault NAME=VALUE` makes it in every answer. The query wins over the header, and the header
over the flag. A switch without a value is on, and `0` turns it off. `MS` is milliseconds.
An unknown name, or a value that cannot be used, is a 400.

";

/// The page.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    let anywhere = [
        ("any", "/", "A word to a person who looks in."),
        (
            "any",
            "/echo, /v1/echo, and all below",
            "What arrived: method, target, headers, framing and body, as JSON.",
        ),
    ];
    let routes = ROUTES.iter().map(
        |Route {
             method,
             end,
             answer,
             ..
         }| (*method, *end, *answer),
    );
    for (method, end, answer) in routes.chain(anywhere) {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {method} | `{end}` | {answer} |");
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
        assert_eq!(
            kept,
            super::page(),
            "run `throughway docs mock > docs/mock.md`"
        );
    }
}
