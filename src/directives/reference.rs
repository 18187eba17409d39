//! Prints the reference page of the headers from the table. It adds no facts of its own.

use std::fmt::Write as _;

use super::table::{Lines, NAMESPACE, PORTKEY_NAMESPACE, REPLY, REQUEST};

/// The text of `docs/headers.md`.
pub fn page() -> String {
    let mut page = format!(
        "# Headers\n\n\
         This page is printed by `throughway docs headers` from the table that the gateway \
         itself uses.\n\n\
         ## Request headers\n\n\
         The whole `{NAMESPACE}` namespace is the gateway's: read, never forwarded, in any case of \
         letters. An empty value means absent. An unknown name in the namespace is ignored. A \
         header that must be single and comes twice is answered with 400 `invalid_header`, and so \
         is a value that cannot be read. With `portkey: true` in the settings, \
         `{PORTKEY_NAMESPACE}*` \
         is another name for `{NAMESPACE}*`; where both are given, `{NAMESPACE}*` wins.\n\n\
         | header | value | lines | meaning | example |\n|---|---|---|---|---|\n"
    );
    for header in REQUEST {
        let lines = match header.lines {
            Lines::One => "one",
            Lines::Many => "any number",
        };
        let (suffix, value, meaning) = (header.suffix, header.value, header.meaning);
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{NAMESPACE}{suffix}` | {value} | {lines} | {meaning} | `{}` |",
            header.example
        );
    }
    page.push_str(
        "\n## Reply headers\n\n\
         An upstream's own headers in the namespace never reach the client; all its other \
         end-to-end headers do.\n\n\
         | header | meaning | when | example |\n|---|---|---|---|\n",
    );
    for header in &REPLY {
        let (meaning, when, example) = (header.meaning, header.when, header.example);
        let _ = writeln!(
            page,
            "| `{}` | {meaning} | {when} | `{example}` |",
            header.name
        );
    }
    page
}
