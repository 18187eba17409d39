//! Which provider of LiteLLM's format an origin is. Only the origin counts: a caller may say any
//! provider's name.

use crate::route::catalogue::PROVIDERS;

/// Names in the catalogue that LiteLLM writes otherwise.
const OTHERWISE: &[(&str, &str)] = &[("fireworks", "fireworks_ai"), ("together", "together_ai")];

/// Providers whose customers have addresses of their own: how the host begins and ends.
const BY_HOST: &[(&str, &str, &[&str])] = &[
    ("", ".openai.azure.com", &["azure"]),
    ("", ".cognitiveservices.azure.com", &["azure"]),
    ("", ".services.ai.azure.com", &["azure_ai", "azure"]),
    ("bedrock-runtime.", ".amazonaws.com", &["bedrock"]),
    ("", "-aiplatform.googleapis.com", &["vertex_ai"]),
    ("aiplatform.googleapis.com", "", &["vertex_ai"]),
];

/// Providers that LiteLLM has several names for, under one.
pub fn family(provider: &str) -> &str {
    match provider {
        "bedrock_converse" | "bedrock_mantle" => "bedrock",
        "cohere_chat" => "cohere",
        "text-completion-openai" => "openai",
        "azure_text" => "azure",
        it if it.starts_with("vertex_ai") => "vertex_ai",
        it if it.starts_with("fireworks_ai") => "fireworks_ai",
        it => it,
    }
}

/// The families that an origin sells.
pub fn at(origin: &str) -> Option<Vec<&'static str>> {
    let known = PROVIDERS.iter().find(|it| it.root == Some(origin));
    if let Some(known) = known {
        let otherwise = OTHERWISE.iter().find(|(name, _)| *name == known.name);
        return Some(vec![otherwise.map_or(known.name, |(_, name)| *name)]);
    }
    let host = origin.strip_prefix("https://")?;
    let fits = |begin: &str, end: &str| {
        let rest = host.strip_prefix(begin).and_then(|it| it.strip_suffix(end));
        rest.is_some_and(|rest| !rest.contains(':') && (!end.is_empty() || rest.is_empty()))
    };
    let mut hosts = BY_HOST.iter();
    let found = hosts.find(|(begin, end, _)| fits(begin, end));
    found.map(|(_, _, families)| families.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_provider_by_its_whole_host() {
        for (origin, expected) in [
            ("https://api.openai.com", Some(&["openai"][..])),
            ("https://api.together.xyz", Some(&["together_ai"])),
            (
                "https://generativelanguage.googleapis.com",
                Some(&["gemini"]),
            ),
            ("https://me.openai.azure.com", Some(&["azure"])),
            (
                "https://me.services.ai.azure.com",
                Some(&["azure_ai", "azure"]),
            ),
            (
                "https://bedrock-runtime.eu-west-1.amazonaws.com",
                Some(&["bedrock"]),
            ),
            (
                "https://europe-west1-aiplatform.googleapis.com",
                Some(&["vertex_ai"]),
            ),
            ("https://aiplatform.googleapis.com", Some(&["vertex_ai"])),
            ("https://api.openai.com.example.org", None),
            ("https://api.openai.com:444", None),
            ("http://api.openai.com", None),
            ("https://aiplatform.googleapis.com.example.org", None),
            ("https://me.openai.azure.com.example.org", None),
            ("http://127.0.0.1:8000", None),
        ] {
            assert_eq!(at(origin).as_deref(), expected, "{origin}");
        }
    }
}
