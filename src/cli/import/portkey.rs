//! A Portkey config object as `configs.imported`. Its keys are ours where the features are; the
//! reader of our settings says what is not, and each such value is taken out and reported.

use serde_json::Value;

use super::{
    judge::{self, Refusal},
    report::Report,
    source::shown,
    texts,
    yaml::Out,
};
use crate::route::catalogue;

const NAME: &str = "imported";
/// Longer paths are cut where they are shown, in characters.
const LONGEST_PATH: usize = 200;
/// More values than this are not taken out: the file is something else.
const MOST_FAULTS: usize = 128;
/// The longest file that is read, in bytes: a config is short, and is read again for each fault.
const LONGEST: usize = 256 * 1024;

const NO_ADDRESS: &str = "has another address for each customer: add custom_host";
const NO_HOST: &str = "is left out: the target names no host that it could go to";
const UNKNOWN_PROVIDER: &str = "is neither built in nor known here: add it under `providers`, \
    and name it as provider: \"@name\"; until then the target is the request's own";

/// Portkey's keys that we do not have, and what stands in their place.
#[rustfmt::skip]
const HINTS: &[(&str, &str)] = &[
    ("virtual_key", "is a key that Portkey stores: add the key under `providers`, and name it here \
        as provider: \"@name\""),
    ("prompt_id", "has no counterpart here: prompts are not stored"),
    ("guardrail", "has no counterpart here: guardrails are not part of the gateway"),
    ("_hooks", "has no counterpart here: guardrails are not part of the gateway"),
    ("azure_", "is part of the address here: custom_host of the provider azure"),
    ("resource_name", "is part of the address here: custom_host of the provider azure"),
    ("deployment_id", "is part of the address here: custom_host of the provider azure"),
    ("vertex_", "is part of the address here: custom_host of the provider vertex_ai"),
    ("aws_", "is part of the provider bedrock here: give it under `providers`"),
    ("openai_", "is a header here: headers: { openai-organization: ... }"),
];

/// Reads the file.
///
/// # Errors
/// It is not a JSON object, or has too little of a config in it.
pub fn import(text: &str) -> Result<(Vec<(String, Out)>, Report), String> {
    if text.len() > LONGEST {
        return Err(format!("has more than {LONGEST} bytes"));
    }
    let config: Value = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("is no JSON: line {line}, column {column}")
    })?;
    if !config.is_object() {
        return Err("must be a JSON object".to_owned());
    }
    let mut import = Import::default();
    let mut config = config;
    import.name_providers(&mut config, NAME, false);
    import.take_out_faults(&mut config)?;
    let has_config = config.as_object().is_some_and(|config| !config.is_empty());
    let settings = if has_config {
        import.settings(&config)
    } else {
        Vec::new()
    };
    Ok((settings, import.report))
}

#[derive(Default)]
struct Import {
    /// The names of `providers`, which are built-in ones.
    providers: Vec<String>,
    report: Report,
}

impl Import {
    fn skip(&mut self, path: &str, reason: impl Into<std::borrow::Cow<'static, str>>) {
        let path = path.strip_prefix("configs.").unwrap_or(path);
        let path = path.strip_prefix(NAME).unwrap_or(path);
        let path = shown(path.trim_start_matches('.'), LONGEST_PATH);
        let path = if path.is_empty() { "the config" } else { &path };
        self.report.skip_at(0, path, reason);
    }

    /// Looks up what targets name as providers; the depth is bounded by the JSON reader. `hosted`:
    /// an outer object names a host.
    fn name_providers(&mut self, value: &mut Value, path: &str, hosted: bool) {
        let Some(object) = value.as_object_mut() else {
            return;
        };
        let is_unknown = object
            .get("provider")
            .and_then(Value::as_str)
            .is_some_and(|name| match name.strip_prefix('@') {
                Some(slug) => !self.takes_slug(slug),
                None => name != "passthrough" && catalogue::find(name).is_none(),
            });
        let named = object.get("provider").and_then(Value::as_str);
        let known = named.and_then(catalogue::find);
        let hosted = hosted
            || ["custom_host", "customHost"]
                .iter()
                .any(|it| object.contains_key(*it));
        if !hosted && known.is_some_and(|it| it.base.is_none()) {
            self.skip(&format!("{path}.provider"), NO_ADDRESS);
        }
        if is_unknown {
            object.remove("provider");
            self.skip(&format!("{path}.provider"), UNKNOWN_PROVIDER);
        }
        if let Some(targets) = object.get_mut("targets").and_then(Value::as_array_mut) {
            for (place, target) in targets.iter_mut().enumerate() {
                self.name_providers(target, &format!("{path}.targets[{place}]"), hosted);
            }
        }
    }

    /// A slug of Portkey's that is the name of a built-in provider can be one of the settings.
    fn takes_slug(&mut self, slug: &str) -> bool {
        let is_built_in = catalogue::find(slug).is_some_and(|it| it.base.is_some());
        if is_built_in && !self.providers.iter().any(|name| name == slug) {
            self.providers.push(slug.to_owned());
        }
        is_built_in
    }

    fn take_out_faults(&mut self, config: &mut Value) -> Result<(), String> {
        for _ in 0..MOST_FAULTS {
            let page = Out::Map(self.settings(config)).document();
            let Some(Refusal { key, reason }) = judge::refusal(&page) else {
                return Ok(());
            };
            let path = key.strip_prefix("configs.").unwrap_or(&key);
            let inner = path.strip_prefix(NAME).ok_or_else(|| reason.clone())?;
            let inner = inner.trim_start_matches('.');
            // A key without a host is the only fault of a target that spares the rest of it.
            if reason.starts_with("holds a credential")
                && let Some(name) = take_key(at(config, inner))
            {
                self.skip(&format!("{path}.{name}"), NO_HOST);
                continue;
            }
            match take(config, inner) {
                Some(name) => self.skip(path, hint(&name).map_or(reason, str::to_owned)),
                None => return Err(format!("{path} {reason}")),
            }
        }
        Err(format!(
            "has more than {MOST_FAULTS} values that are not ours"
        ))
    }

    fn settings(&self, config: &Value) -> Vec<(String, Out)> {
        let mut settings = Vec::new();
        if !self.providers.is_empty() {
            let names = self.providers.iter();
            let providers = names.map(|name| (name.clone(), Out::Map(Vec::new())));
            settings.push(("providers".to_owned(), Out::Map(providers.collect())));
        }
        let config = Out::one(NAME, out(config, false));
        settings.push(("configs".to_owned(), config));
        settings
    }
}

fn hint(name: &str) -> Option<&'static str> {
    let name = snake_case(name);
    let found = HINTS.iter().find(|(part, _)| name.contains(part));
    found.map(|(_, hint)| *hint)
}

/// `virtualKey` as `virtual_key`.
fn snake_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for sign in name.chars() {
        if sign.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(sign.to_ascii_lowercase());
    }
    out
}

/// Removes the value at a path, or the innermost one around it that exists; gives its name.
fn take(value: &mut Value, path: &str) -> Option<String> {
    let (name, rest) = step(value, path)?;
    let inner = match value {
        Value::Object(object) => object.get_mut(&name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    if let Some(found) = inner.and_then(|inner| take(inner, rest)) {
        return Some(found);
    }
    match value {
        Value::Object(object) => drop(object.remove(&name)?),
        Value::Array(items) => drop(items.remove(name.parse().ok()?)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    }
    Some(name)
}

/// The value at a path of targets.
fn at<'v>(value: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    if path.is_empty() {
        return Some(value);
    }
    let (name, rest) = step(value, path)?;
    let inner = match value {
        Value::Object(object) => object.get_mut(&name),
        Value::Array(items) => items.get_mut(name.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    at(inner?, rest)
}

/// The first key or place of a path that the value has, and the rest. Keys may hold dots, so the
/// longest that fits is taken.
fn step<'p>(value: &Value, path: &'p str) -> Option<(String, &'p str)> {
    match value {
        Value::Object(object) => {
            let fits = |name: &&String| {
                let rest = path.strip_prefix(name.as_str());
                !name.is_empty()
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            let snake = |name: &&String| {
                let first = path.split(['.', '[']).next().unwrap_or_default();
                snake_case(name) == first
            };
            let names = || object.keys();
            let exact = names().filter(fits).max_by_key(|name| name.len());
            let (name, length) = match exact {
                Some(name) => (name, name.len()),
                None => {
                    let name = names().find(snake)?;
                    (name, path.split(['.', '[']).next()?.len())
                }
            };
            Some((name.clone(), path[length..].trim_start_matches('.')))
        }
        Value::Array(items) => {
            let (place, rest) = path.strip_prefix('[')?.split_once(']')?;
            items.get(place.parse::<usize>().ok()?)?;
            Some((place.to_owned(), rest.trim_start_matches('.')))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Removes what carries a credential from a target.
fn take_key(target: Option<&mut Value>) -> Option<String> {
    let target = target?.as_object_mut()?;
    let mut taken = None;
    for name in ["headers", "auth", "api_key", "apiKey"] {
        if target.remove(name).is_some() {
            taken = Some(name.to_owned());
        }
    }
    taken
}

/// The value with every text written so that it stands for itself. `secret`: it is a credential.
fn out(value: &Value, secret: bool) -> Out {
    match value {
        Value::Null => Out::Plain("null".to_owned()),
        Value::Bool(value) => Out::flag(*value),
        Value::Number(number) => Out::Plain(number.to_string()),
        Value::String(text) => match (texts::plain(text), secret) {
            (Ok(text), true) => Out::Secret(text),
            (Ok(text), false) => Out::Text(text),
            // The reader of the settings refuses it, and so it is reported.
            (Err(_), _) => Out::Text("${".to_owned()),
        },
        Value::Array(items) => Out::List(items.iter().map(|item| out(item, false)).collect()),
        Value::Object(entries) => {
            let is_key = |name: &str| matches!(name, "api_key" | "apiKey");
            let entry = |(name, value): (&String, &Value)| (name.clone(), out(value, is_key(name)));
            Out::Map(entries.iter().map(entry).collect())
        }
    }
}
