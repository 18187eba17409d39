//! The body of a change: JSON of a limited length, in which no key stands twice.

use std::fmt;

use actix_http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::error::{Code, GatewayError};

/// The longest body.
const LONGEST: usize = 1 << 20;

/// Reads the body of a change.
///
/// # Errors
/// It is not JSON by its type or its text, is too long, or has a key twice.
pub(super) async fn read(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Value, GatewayError> {
    if !is_json(request) {
        let message = "a change needs Content-Type: application/json";
        return Err(GatewayError::new(Code::UnsupportedMediaType, message));
    }
    let read = payload.to_bytes_limited(LONGEST).await;
    let Ok(bytes) = read else {
        let message = format!("the body is longer than {LONGEST} bytes");
        return Err(GatewayError::new(Code::BodyTooLarge, message));
    };
    let Ok(bytes) = bytes else {
        return Err(GatewayError::new(Code::InvalidBody, "the body broke off"));
    };
    parse(&bytes)
}

fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE);
    let text = value.and_then(|it| it.to_str().ok()).unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || kind.eq_ignore_ascii_case("application/merge-patch+json")
}

/// An empty body is an empty object.
fn parse(bytes: &[u8]) -> Result<Value, GatewayError> {
    if bytes.is_empty() {
        return Ok(Map::new().into());
    }
    serde_json::from_slice::<Unique>(bytes)
        .map(|it| it.0)
        .map_err(|error| {
            // serde's own messages may repeat parts of the body.
            let what = match error.classify() {
                serde_json::error::Category::Data => "has a key twice in one object",
                serde_json::error::Category::Syntax
                | serde_json::error::Category::Eof
                | serde_json::error::Category::Io => "is not JSON",
            };
            let (line, column) = (error.line(), error.column());
            let message = format!("the body {what} (line {line}, column {column})");
            GatewayError::new(Code::InvalidRequest, message)
        })
}

/// A value in whose objects no key stands twice.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        UniqueKeys.deserialize(from).map(Unique)
    }
}

struct UniqueKeys;

impl<'de> DeserializeSeed<'de> for UniqueKeys {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, claim: bool) -> Result<Value, E> {
        Ok(claim.into())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(UniqueKeys)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(UniqueKeys)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_and_keys_only_once() {
        let text = r#"{"a":[1,-2,1.5,null,true,"x\u0041",{"b":{}}]}"#;
        let read = parse(text.as_bytes()).expect("JSON");
        assert_eq!(read, serde_json::from_str::<Value>(text).expect("JSON"));
        assert_eq!(parse(b"").expect("nothing"), Value::Object(Map::new()));
        for (refused, why) in [
            (&br#"{"a":1,"a":2}"#[..], "twice"),
            (br#"{"a":1,"\u0061":1}"#, "twice"),
            (br#"[{"x":{"a":1,"a":1}}]"#, "twice"),
            (b"{", "not JSON"),
            (b"{} {}", "not JSON"),
            (b"\xff", "not JSON"),
            (b" ", "not JSON"),
        ] {
            let error = parse(refused).expect_err("refused");
            assert!(error.message.contains(why), "{error}");
        }
    }
}
