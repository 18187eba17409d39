//! The fields of a JSON request body that the mock reads. All other fields are ignored.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::api_error::ApiError;

/// The fields of a JSON request body; one type for all APIs, since the mock is lenient.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RequestFields {
    pub(crate) model: Option<String>,
    pub(crate) stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<usize>,
    max_completion_tokens: Option<usize>,
    max_output_tokens: Option<usize>,
    pub(crate) n: Option<usize>,
    pub(crate) tools: Option<Vec<Tool>>,
    pub(crate) tool_choice: Option<Value>,
    pub(crate) messages: Option<IgnoredAny>,
    pub(crate) input: Option<Value>,
    pub(crate) encoding_format: Option<String>,
    pub(crate) dimensions: Option<usize>,
    pub(crate) documents: Option<Vec<Value>>,
    pub(crate) query: Option<IgnoredAny>,
    pub(crate) top_n: Option<usize>,
    pub(crate) return_documents: Option<bool>,
    pub(crate) response_format: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// A tool in any of the three shapes: nested under `function`, flat, or with `input_schema`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Tool {
    name: Option<String>,
    parameters: Option<Value>,
    input_schema: Option<Value>,
    function: Option<Function>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function {
    name: Option<String>,
    parameters: Option<Value>,
}

impl RequestFields {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// A 400 when the body is not a JSON object or one of these fields has the wrong type.
    pub(crate) fn read(body: &[u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(body).map_err(|error| {
            ApiError::bad_request(format!(
                "We could not parse the JSON body of your request: {error}."
            ))
        })
    }

    /// The model.
    ///
    /// # Errors
    /// A 400 when the request names none.
    pub(crate) fn model(&self) -> Result<String, ApiError> {
        let named = self.model.clone().filter(|model| !model.is_empty());
        named.ok_or_else(|| ApiError::missing("model"))
    }

    pub(crate) fn is_stream(&self) -> bool {
        self.stream == Some(true)
    }

    pub(crate) fn wants_usage(&self) -> bool {
        let options = self.stream_options.as_ref();
        options.and_then(|options| options.include_usage) == Some(true)
    }

    /// The lowest of the limits on output tokens in the request.
    pub(crate) fn token_limit(&self) -> Option<usize> {
        let limits = [
            self.max_tokens,
            self.max_completion_tokens,
            self.max_output_tokens,
        ];
        limits.into_iter().flatten().min()
    }

    /// Whether the request requires the model to call a tool.
    pub(crate) fn requires_tool(&self) -> bool {
        match &self.tool_choice {
            Some(Value::String(word)) => word == "required" || word == "any",
            Some(Value::Object(choice)) => choice
                .get("type")
                .and_then(Value::as_str)
                .is_some_and(|kind| matches!(kind, "any" | "tool" | "function")),
            _ => false,
        }
    }

    /// Name and arguments for a call of the first tool that has a name.
    pub(crate) fn first_tool_call(&self) -> Option<(String, Value)> {
        let tools = self.tools.as_deref().unwrap_or_default();
        tools.iter().find_map(|tool| {
            let nested = tool.function.as_ref();
            let name = tool.name.as_ref();
            let name = name.or_else(|| nested?.name.as_ref())?;
            let schema = tool.parameters.as_ref();
            let schema = schema.or(tool.input_schema.as_ref());
            let schema = schema.or_else(|| nested?.parameters.as_ref());
            let arguments = schema.map_or_else(|| Value::Object(Map::new()), example_for);
            Some((name.clone(), arguments))
        })
    }
}

/// A small value that matches a JSON schema: the first of its `enum`, else a sample of its type.
fn example_for(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().and_then(Value::as_str),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => Value::from("example"),
        Some("integer" | "number") => Value::from(1),
        Some("boolean") => Value::from(true),
        Some("array") => Value::Array(Vec::new()),
        Some("object") => schema["properties"].as_object().map_or_else(
            || Value::Object(Map::new()),
            |fields| {
                let example =
                    |(name, schema): (&String, &Value)| (name.clone(), example_for(schema));
                Value::Object(fields.iter().map(example).collect())
            },
        ),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_arguments_of_a_tool_call_match_the_schema_of_the_tool() {
        let schema = r#"{"type":"object","properties":{"city":{"type":"string"},
            "days":{"type":["integer","null"]},"unit":{"enum":["C","F"]}}}"#;
        let expected = json!({ "city": "example", "days": 1, "unit": "C" });
        let shapes = [
            format!(r#"{{"type":"function","function":{{"name":"w","parameters":{schema}}}}}"#),
            format!(r#"{{"type":"function","name":"w","parameters":{schema}}}"#),
            format!(r#"{{"name":"w","input_schema":{schema}}}"#),
        ];
        for shape in shapes {
            let body = format!(r#"{{"tools":[{{"type":"web_search"}},{shape}]}}"#);
            let (name, arguments) = RequestFields::read(body.as_bytes())
                .unwrap()
                .first_tool_call()
                .unwrap();
            assert_eq!((name.as_str(), &arguments), ("w", &expected));
        }
    }

    #[test]
    fn each_dialect_can_require_a_tool_call() {
        let table = [
            (r#""required""#, true),
            (r#"{"type":"function","function":{"name":"w"}}"#, true),
            (r#"{"type":"any"}"#, true),
            (r#"{"type":"auto"}"#, false),
            (r#""auto""#, false),
            ("null", false),
        ];
        for (choice, required) in table {
            let body = format!(r#"{{"tool_choice":{choice}}}"#);
            let fields = RequestFields::read(body.as_bytes()).unwrap();
            assert_eq!(fields.requires_tool(), required, "{choice}");
        }
    }

    #[test]
    fn a_body_that_is_not_json_gets_a_400() {
        assert_eq!(RequestFields::read(b"{").unwrap_err().status, 400);
        assert_eq!(
            RequestFields::read(b"{}")
                .unwrap()
                .model()
                .unwrap_err()
                .param,
            Some("model")
        );
    }
}
