//! The key that `throughway keys create` asks for, as the admin API takes it.

use serde_json::{Map, Value, json};

use super::args::{AllowArgs, CreateArgs};

/// The document of the new key, without what the gateway adds.
pub fn request(args: &CreateArgs) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    put("name", Some(json!(args.name)));
    put("team", args.team.as_ref().map(|it| json!(it)));
    put("role", args.role.as_ref().map(|it| json!(it)));
    put("expires", args.expires.map(|it| json!(it.to_string())));
    put(
        "default_config",
        args.default_config.as_ref().map(|it| json!(it)),
    );
    let metadata: Map<_, _> = args
        .metadata
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    put("metadata", (!metadata.is_empty()).then(|| metadata.into()));
    let allow = allow(&args.allow);
    put("allow", (!allow.is_empty()).then(|| allow.into()));
    fields.into()
}

fn allow(args: &AllowArgs) -> Map<String, Value> {
    let lists = [
        ("hosts", &args.allow_host),
        ("providers", &args.allow_provider),
        ("routes", &args.allow_route),
        ("methods", &args.allow_method),
        ("models", &args.allow_model),
        ("client_addresses", &args.allow_client_address),
    ];
    let given = lists.into_iter().filter(|(_, list)| !list.is_empty());
    given
        .map(|(name, list)| (name.to_owned(), json!(list)))
        .collect()
}
