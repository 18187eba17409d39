//! Which provider of the catalogue does LiteLLM mean, and where is it?

use url::Url;

use crate::cli::import::texts::Carried;
use crate::route::catalogue::{self, CatalogueEntry};

/// Where a provider is.
#[derive(Debug, PartialEq, Eq)]
pub struct Host {
    /// The base URL, unless it is that of the catalogue.
    pub url: Option<String>,
    /// The first part of its name in our settings.
    pub label: &'static str,
}

/// LiteLLM's names that the catalogue does not have.
const NAMES: [(&str, &str); 6] = [
    ("text-completion-openai", "openai"),
    ("custom_openai", "openai"),
    ("openai_like", "openai"),
    ("cohere_chat", "cohere"),
    ("ollama_chat", "ollama"),
    ("azure_text", "azure"),
];

/// How the models begin that LiteLLM knows without the name of a provider.
const MODELS: [(&str, &str); 12] = [
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("dall-e-", "openai"),
    ("whisper-", "openai"),
    ("tts-", "openai"),
    ("omni-moderation-", "openai"),
    ("claude-", "anthropic"),
    ("command-", "cohere"),
];

/// The provider of `openai/gpt-4o`, or of a model that needs no prefix; `named` takes precedence.
///
/// # Errors
/// There is no such provider, or it needs more than a host and a key.
pub fn of_model(model: &str, named: Option<&str>) -> Result<&'static CatalogueEntry, String> {
    let begins = |(begin, _): &&(&str, &str)| model.starts_with(begin);
    let name = match (named, model.split_once('/')) {
        (Some(named), _) => named,
        (None, Some((prefix, _))) => prefix,
        (None, None) => MODELS.iter().find(begins).map_or("", |(_, name)| name),
    };
    let renamed = NAMES.iter().find(|(theirs, _)| *theirs == name);
    let known = catalogue::find(renamed.map_or(name, |(_, ours)| ours));
    let known = known.ok_or("names no provider of the catalogue (`throughway docs providers`)")?;
    match known.name {
        "bedrock" | "vertex_ai" => Err(format!(
            "needs a region and a cloud's credential: write providers.{} by hand",
            known.name
        )),
        _ => Ok(known),
    }
}

/// Where the provider is; `base` is LiteLLM's `api_base`.
///
/// # Errors
/// The address is missing, or is one that our base URLs cannot express.
pub fn host(known: &'static CatalogueEntry, base: Option<Carried>) -> Result<Host, String> {
    let Some(base) = base else {
        return match known.base {
            Some(_) => Ok(Host {
                url: None,
                label: known.name,
            }),
            None => Err(format!("needs api_base, the address of {}", known.name)),
        };
    };
    // LiteLLM adds these itself; our base URLs end where the path after /v1 begins.
    let (suffix, label) = match known.name {
        "openai" => ("", "openai-compatible"),
        "anthropic" | "ollama" => ("/v1", known.name),
        "azure" | "azure_ai" => ("/openai/v1", known.name),
        "gemini" | "cohere" | "replicate" | "huggingface" => {
            return Err(format!(
                "has an api_base of its own for {}: write the provider by hand",
                known.name
            ));
        }
        _ => ("", known.name),
    };
    let url = with_suffix(&base, suffix);
    let is_built_in = known.base == Some(url.trim_end_matches('/'));
    Ok(Host {
        label: if is_built_in { known.name } else { label },
        url: (!is_built_in).then_some(url),
    })
}

/// The address with the suffix, if it has no path of its own.
fn with_suffix(base: &Carried, suffix: &str) -> String {
    let bare = match Url::parse(&base.text) {
        Ok(url) => url.path() == "/" && url.query().is_none(),
        Err(_) => base.is_reference,
    };
    match bare {
        true => format!("{}{suffix}", base.text.trim_end_matches('/')),
        false => base.text.clone(),
    }
}
