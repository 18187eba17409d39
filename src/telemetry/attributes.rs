//! Attributes of spans and series, and what a record says in the words of the conventions.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, any_value::Value as Attribute,
};
use url::Url;

use super::names;
use crate::{
    record::{Operation, Record},
    usage::UsageSource,
};

/// Attributes, collected one by one; what is absent is left out.
#[derive(Debug, Default)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn put(mut self, name: &str, value: Option<Attribute>) -> Self {
        if let Some(value) = value {
            self.0.push(KeyValue {
                key: name.to_owned(),
                value: Some(AnyValue { value: Some(value) }),
                ..KeyValue::default()
            });
        }
        self
    }

    pub fn text<'t>(self, name: &str, text: impl Into<Option<&'t str>>) -> Self {
        let text = text.into();
        self.put(name, text.map(|it| Attribute::StringValue(it.to_owned())))
    }

    pub fn texts(self, name: &str, text: Option<&str>) -> Self {
        let value = text.map(|text| {
            let value = Some(Attribute::StringValue(text.to_owned()));
            let values = vec![AnyValue { value }];
            Attribute::ArrayValue(ArrayValue { values })
        });
        self.put(name, value)
    }

    pub fn count(self, name: &str, count: impl Into<Option<u64>>) -> Self {
        let count = count.into().and_then(|it| i64::try_from(it).ok());
        self.put(name, count.map(Attribute::IntValue))
    }

    pub fn number(self, name: &str, number: impl Into<Option<f64>>) -> Self {
        self.put(name, number.into().map(Attribute::DoubleValue))
    }

    pub fn flag(self, name: &str, flag: bool) -> Self {
        self.put(name, Some(Attribute::BoolValue(flag)))
    }

    /// Host and port of an origin.
    pub fn server(self, origin: Option<&str>) -> Self {
        let url = origin.and_then(|it| Url::parse(it).ok());
        let host = url.as_ref().and_then(Url::host_str);
        let port = url.as_ref().and_then(Url::port_or_known_default);
        self.text(names::SERVER_ADDRESS, host)
            .count(names::SERVER_PORT, port.map(u64::from))
    }

    pub fn into_vec(self) -> Vec<KeyValue> {
        self.0
    }
}

/// The words for what is asked of a model; `None`: the request is none for a model.
pub fn operation(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Chat => Some("chat"),
        Operation::TextCompletion => Some("text_completion"),
        Operation::Embeddings => Some("embeddings"),
        Operation::GenerateContent => Some("generate_content"),
        Operation::Rerank => Some("rerank"),
        Operation::Images => Some("image_generation"),
        Operation::Speech => Some("speech"),
        Operation::Transcription => Some("transcription"),
        Operation::Moderation => Some("moderation"),
        Operation::Realtime => Some("realtime"),
        Operation::Other => None,
    }
}

/// Providers that the conventions name otherwise than the catalogue.
const PROVIDERS: &[(&str, &str)] = &[
    ("bedrock", "aws.bedrock"),
    ("azure", "azure.ai.openai"),
    ("azure_ai", "azure.ai.inference"),
    ("gemini", "gcp.gemini"),
    ("google", "gcp.gemini"),
    ("vertex_ai", "gcp.vertex_ai"),
    ("mistral", "mistral_ai"),
    ("xai", "x_ai"),
];

/// Whose API it is. A host without a name speaks OpenAI's, or what the operation tells.
pub fn provider(record: &Record) -> &str {
    let own = record.provider.as_deref().unwrap_or("passthrough");
    let known = PROVIDERS.iter().find(|(name, _)| *name == own);
    match (known, own, record.operation) {
        (Some((_, name)), ..) => name,
        (None, "passthrough", Operation::GenerateContent) => "gcp.gemini",
        (None, "passthrough", _) if record.path.ends_with("/messages") => "anthropic",
        (None, "passthrough", _) => "openai",
        (None, own, _) => own.trim_start_matches('@'),
    }
}

/// Why a request failed; `None`: it did not.
pub fn error_type(record: &Record) -> Option<String> {
    let code = record.code.as_deref().map(str::to_owned);
    let cut = || record.truncated.then(|| record.outcome.to_string());
    let status = || (record.status >= 400).then(|| record.status.to_string());
    code.or_else(cut).or_else(status)
}

/// The name of a source, as in records.
pub fn usage_source(source: UsageSource) -> &'static str {
    match source {
        UsageSource::Reported => "reported",
        UsageSource::Estimated => "estimated",
        UsageSource::Unknown => "unknown",
    }
}
