//! Makes a file for `prices.file` of another program's: checked, and without what is not read.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    PriceFile,
    file::{Unusable, content},
    litellm::LiteLlmTable,
};

/// Fields that are read of a provider and of a model of genai-prices.
const PROVIDER: &[&str] = &[
    "id",
    "name",
    "api_pattern",
    "provider_match",
    "fallback_model_providers",
    "models",
];
const MODEL: &[&str] = &["id", "match", "prices", "price_variants"];

/// A table that can be used, and its text without what is not read.
pub struct Imported {
    pub file: PriceFile,
    pub text: String,
}

/// Reads and checks a file of genai-prices or LiteLLM.
///
/// # Errors
/// It cannot be used.
pub fn import(path: &Path) -> Result<Imported, Unusable> {
    let (bytes, written) = content(path)?;
    let file = PriceFile::parse(path, &bytes, written)?;
    let mut value: Value = serde_json::from_slice(&bytes)?;
    match &mut value {
        Value::Array(providers) => providers.iter_mut().for_each(only_read),
        Value::Object(models) => only_prices(models),
        _ => {}
    }
    Ok(Imported {
        file,
        text: format!("{value}\n"),
    })
}

fn only_read(provider: &mut Value) {
    let Some(fields) = provider.as_object_mut() else {
        return;
    };
    fields.retain(|name, _| PROVIDER.contains(&name.as_str()));
    let models = fields.get_mut("models").and_then(Value::as_array_mut);
    for model in models.into_iter().flatten() {
        if let Some(fields) = model.as_object_mut() {
            fields.retain(|name, _| MODEL.contains(&name.as_str()));
        }
    }
}

fn only_prices(models: &mut Map<String, Value>) {
    for fields in models.values_mut().filter_map(Value::as_object_mut) {
        fields.retain(|name, value| LiteLlmTable::is_read(name) && !value.is_null());
    }
    // Of an entry without prices, the provider alone is left.
    models.retain(|_, fields| fields.as_object().is_some_and(|it| it.len() > 1));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn imported(value: &Value) -> Value {
        let name = format!("throughway-import-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, value.to_string()).expect("a file");
        let imported = import(&path).expect("a table");
        std::fs::remove_file(&path).expect("it was there");
        let again = PriceFile::parse(
            &path,
            imported.text.as_bytes(),
            std::time::SystemTime::UNIX_EPOCH,
        );
        let again = again.expect("a table");
        assert_eq!(again.models().count(), imported.file.models().count());
        serde_json::from_str(&imported.text).expect("JSON")
    }

    #[test]
    fn what_is_read_is_kept_and_the_rest_is_not() {
        let models = json!({
            "m": { "litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e-06,
                   "output_cost_per_token": null },
            "n": { "litellm_provider": "openai", "mode": "chat" },
        });
        let expected =
            json!({ "m": { "litellm_provider": "openai", "input_cost_per_token": 1e-06 } });
        assert_eq!(imported(&models), expected);
        let model = json!({ "id": "m", "match": { "equals": "m" }, "prices": { "input_mtok": 1 } });
        let host = "https://p";
        let provider = |model: Value| {
            let models = [model];
            json!([{ "id": "p", "name": "P", "api_pattern": host, "models": models }])
        };
        let mut written = provider(model.clone());
        written[0]["extractors"] = json!([]);
        written[0]["models"][0]["description"] = json!("words");
        assert_eq!(imported(&written), provider(model));
    }
}
