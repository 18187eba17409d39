//! Writes the reference page of built-in providers, `docs/providers.md`, from the table.

use std::fmt::Write as _;

use super::{ApiFamily, CatalogueEntry, KeyPlace, KeyVariables, PROVIDERS};

const OPENING: &str = "\
# Built-in providers

This page is printed by `throughway docs providers` from the table the gateway itself uses.

`x-gateway-provider: NAME`, or `provider: NAME` in a [config](config.md), sends a request to the
provider: the path after the gateway's `/v1` is appended to the base URL. `_` and `-` are the same
in a name.

## Keys

A caller's own key crosses to the provider unchanged. To keep the key at the gateway, name the
provider in the [settings](settings.md):

```yaml
providers:
  openai: {}                              # the key is that of OPENAI_API_KEY
  anthropic: { api_key: \"${CLAUDE_KEY}\" } # or of any other variable
  vllm: { custom_host: \"http://10.0.0.7:8000/v1\" }
```

A provider of the settings that has a built-in name, and gives neither `provider` nor
`custom_host`, is the built-in one. The same holds for one with `custom_host` if the table says
that each customer has its own host. Without `api_key`, `auth`, a credential among its `headers` or
`forward_authorization: true`, it takes the key from the environment variable below: the first that
is set and not empty. The log at the start and `throughway check` say which one is used, never its
value. If none is set, callers bring their own keys. Requests name it as `@openai`, in
`x-gateway-provider`, in a config or before the model's name.

## The table

| provider | also | base URL for `/v1` | origin | API | where the key goes | variables | docs |
|---|---|---|---|---|---|---|---|
";

/// The text of `docs/providers.md`.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    for provider in PROVIDERS {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "{}", row(provider));
    }
    page
}

fn row(provider: &CatalogueEntry) -> String {
    let aliases: Vec<String> = provider.aliases.iter().map(|it| code(it)).collect();
    let example = provider.example.map(code).unwrap_or_default();
    let own_host = format!("your `custom_host`, such as {example}");
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | [link]({}) |",
        code(provider.name),
        aliases.join(", "),
        provider.base.map_or(own_host, code),
        provider.root.map(code).unwrap_or_default(),
        family(provider.api),
        place(provider.key),
        variables(provider.variables),
        provider.docs
    )
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn family(api: ApiFamily) -> &'static str {
    match api {
        ApiFamily::OpenAi => "OpenAI's",
        ApiFamily::Anthropic => "Anthropic's",
        ApiFamily::Gemini => "Gemini's",
        ApiFamily::Cohere => "Cohere's",
        ApiFamily::Bedrock => "Bedrock's",
        ApiFamily::Own => "its own",
    }
}

fn place(key: KeyPlace) -> String {
    let (header, scheme) = key.parts();
    let scheme = scheme.map_or(String::new(), |scheme| format!("{scheme} "));
    let key = match key {
        KeyPlace::Basic => "base64(USER:PASSWORD)",
        KeyPlace::Bearer
        | KeyPlace::Token
        | KeyPlace::Authorization
        | KeyPlace::XApiKey
        | KeyPlace::XGoogApiKey
        | KeyPlace::ApiKey
        | KeyPlace::XiApiKey => "KEY",
    };
    code(&format!("{header}: {scheme}{key}"))
}

fn variables(variables: KeyVariables) -> String {
    let list = |names: &[&str]| names.iter().map(|it| code(it)).collect::<Vec<_>>();
    match variables {
        KeyVariables::None => "none".to_owned(),
        KeyVariables::First(names) => list(names).join(", "),
        KeyVariables::Pair(user, password) => list(&[user, password]).join(" with "),
    }
}
