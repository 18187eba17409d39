//! The table held to its own rules, names, and keys from the environment.

use std::collections::BTreeMap;

use super::*;
use crate::golden::assert_page;

#[test]
fn every_base_is_a_base_url_under_its_root_and_every_name_is_found() {
    for provider in PROVIDERS {
        let given = [provider.root, provider.base, provider.example];
        for url in given.into_iter().flatten() {
            assert!(url::Url::parse(url).is_ok(), "{url}");
        }
        assert!(provider.docs.starts_with("https://"), "{}", provider.name);
        match (provider.root, provider.base, provider.example) {
            (Some(root), Some(base), None) => {
                assert!(base.starts_with(root), "{base}");
                assert_eq!(root.matches('/').count(), 2, "{root} is no origin");
            }
            (None, None, Some(_)) => {}
            _ => panic!("{} has half an address", provider.name),
        }
        let names = provider.aliases.iter().chain([&provider.name]);
        for name in names.flat_map(|it| [it.replace('_', "-"), it.replace('-', "_")]) {
            assert_eq!(find(&name).map(|it| it.name), Some(provider.name), "{name}");
        }
    }
    assert!(find("OpenAI").is_none());
    assert!(find("").is_none());
}

#[test]
fn no_name_belongs_to_two_providers_or_to_the_gateway() {
    let mut owners = BTreeMap::new();
    for provider in PROVIDERS {
        for name in provider.aliases.iter().chain([&provider.name]) {
            let name = name.replace('_', "-");
            assert!(!["v1", "gateway", "passthrough"].contains(&name.as_str()));
            assert_eq!(owners.insert(name, provider.name), None);
        }
    }
}

#[test]
fn bases_of_the_first_version_are_unchanged() {
    for (name, base) in [
        ("openai", Some("https://api.openai.com/v1")),
        ("anthropic", Some("https://api.anthropic.com/v1")),
        (
            "google",
            Some("https://generativelanguage.googleapis.com/v1beta"),
        ),
        ("azure-openai", None),
        ("mistral-ai", Some("https://api.mistral.ai/v1")),
        ("cohere", Some("https://api.cohere.com/v1")),
        ("groq", Some("https://api.groq.com/openai/v1")),
        ("openrouter", Some("https://openrouter.ai/api/v1")),
        ("together-ai", Some("https://api.together.xyz/v1")),
        ("deepseek", Some("https://api.deepseek.com/v1")),
        ("x-ai", Some("https://api.x.ai/v1")),
        ("grok", Some("https://api.x.ai/v1")),
        ("ollama", Some("http://localhost:11434/v1")),
        ("vllm", None),
    ] {
        assert_eq!(find(name).and_then(|it| it.base), base, "{name}");
    }
}

#[test]
fn a_misspelt_name_is_close_to_the_one_that_was_meant() {
    for (written, meant) in [
        ("opnai", Some("openai")),
        ("OpenAI", Some("openai")),
        ("open-ai", Some("openai")),
        ("googl", Some("google")),
        ("acme", None),
        ("", None),
    ] {
        assert_eq!(nearest(written), meant, "{written}");
    }
}

#[test]
fn keys_go_where_each_provider_reads_them() {
    for (name, header, scheme) in [
        ("openai", "authorization", Some("Bearer")),
        ("anthropic", "x-api-key", None),
        ("gemini", "x-goog-api-key", None),
        ("azure", "api-key", None),
        ("azure_ai", "api-key", None),
        ("elevenlabs", "xi-api-key", None),
        ("deepgram", "authorization", Some("Token")),
        ("assemblyai", "authorization", None),
        ("langfuse", "authorization", Some("Basic")),
    ] {
        let auth = find(name).unwrap().auth();
        assert_eq!(auth.header, header, "{name}");
        assert_eq!(auth.scheme.as_deref(), scheme, "{name}");
    }
}

#[test]
fn a_key_is_read_from_the_first_variable_that_is_set_and_not_empty() {
    let read = |name: &str, set: &[(&str, &str)]| {
        let lookup = |wanted: &str| {
            let found = set.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| (*value).to_owned())
        };
        let read = find(name).unwrap().variables.read(lookup);
        read.map(|it| format!("{}={}", it.names, it.key.expose()))
    };
    let (first, second) = (("GEMINI_API_KEY", "a"), ("GOOGLE_API_KEY", "b"));
    let pair = [("LANGFUSE_PUBLIC_KEY", "pk"), ("LANGFUSE_SECRET_KEY", "sk")];
    let both = Some("LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY=cGs6c2s=");
    for (name, set, expected) in [
        ("gemini", &[second, first][..], Some("GEMINI_API_KEY=a")),
        (
            "gemini",
            &[("GEMINI_API_KEY", ""), second],
            Some("GOOGLE_API_KEY=b"),
        ),
        ("gemini", &[], None),
        ("langfuse", &pair, both),
        ("langfuse", &pair[..1], None),
        ("ollama", &[("OLLAMA_API_KEY", "a")], None),
    ] {
        assert_eq!(read(name, set).as_deref(), expected, "{name} {set:?}");
    }
}

#[test]
fn the_page_of_providers_is_the_printed_one() {
    assert_page("providers.md", &page());
}
