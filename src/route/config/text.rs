//! Parses the JSON text of a config, in one pass. Refuses duplicate keys, because it would be
//! ambiguous which value counts, and keeps the values of `override_params` as they were written.

use std::fmt;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use super::fields::Section;

/// Parses JSON text. Each value of `override_params` becomes a string that holds its JSON text,
/// since parsing may change numbers, and these values go into request bodies byte by byte.
///
/// # Errors
/// The rest of a sentence; it may name a duplicate key, but never a value.
pub fn parse(text: &str) -> Result<Value, String> {
    parse_as(Place::Target, text).map_err(|error| match error.is_data() {
        true => error.to_string(),
        false => format!(
            "is not JSON (line {}, column {})",
            error.line(),
            error.column()
        ),
    })
}

fn parse_as(place: Place, text: &str) -> serde_json::Result<Value> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = place.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// What a value is in the config.
#[derive(Clone, Copy)]
enum Place {
    /// A target or a group; the config itself is one.
    Target,
    Targets,
    OverrideParams,
    /// A value of `override_params`.
    Param,
    Else,
}

impl Place {
    /// The place of a member of an object here.
    fn member(self, key: &str) -> Place {
        match self {
            Place::Target => match Section::Target.find(key) {
                Some("targets") => Place::Targets,
                Some("override_params") => Place::OverrideParams,
                Some(_) | None => Place::Else,
            },
            Place::OverrideParams => Place::Param,
            Place::Targets | Place::Param | Place::Else => Place::Else,
        }
    }

    /// The place of an item of a list here.
    fn item(self) -> Place {
        match self {
            Place::Targets => Place::Target,
            Place::Target | Place::OverrideParams | Place::Param | Place::Else => Place::Else,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Place {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        match self {
            Place::Param => {
                let written = <&RawValue as serde::Deserialize>::deserialize(from)?.get();
                check(written).map_err(D::Error::custom)?;
                Ok(written.into())
            }
            Place::Target | Place::Targets | Place::OverrideParams | Place::Else => {
                from.deserialize_any(self)
            }
        }
    }
}

/// Checks a value of which the text is kept.
fn check(text: &str) -> Result<(), String> {
    let Err(error) = parse_as(Place::Else, text) else {
        return Ok(());
    };
    let reason = error.to_string();
    // Its position is that in the value.
    let reason = reason.split(" at line ").next().filter(|_| error.is_data());
    Err(reason.unwrap_or("is not JSON").to_owned())
}

macro_rules! scalars {
    ($($method:ident $kind:ty),*) => {
        $(fn $method<E>(self, value: $kind) -> Result<Value, E> {
            Ok(value.into())
        })*
    };
}

impl<'de> Visitor<'de> for Place {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    scalars!(
        visit_bool bool,
        visit_i64 i64,
        visit_u64 u64,
        visit_f64 f64,
        visit_str &str,
        visit_string String
    );

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.item())? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(self.member(&key))?;
            if map.contains_key(&key) {
                return Err(A::Error::custom(format_args!("has the key {key} twice")));
            }
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, parse};

    #[test]
    fn override_params_are_kept_as_written_at_every_depth() {
        let text = r#"{"overrideParams":{"a": 1e3,"b":{"c" :[ "\u00e9" ]}},"targets":[
            {"override_params":{"d":1.50}},
            {"targets":[{"override_params":{"e":12345678901234567890123},
                         "headers":{"override_params":"f"}}]}]}"#;
        let entry = parse(text).ok().unwrap();
        let written = |entry: &Entry| -> Vec<String> {
            let params = entry.override_params.iter();
            params
                .map(|(key, value)| format!("{key} {value}"))
                .collect()
        };
        assert_eq!(written(&entry), ["a 1e3", r#"b {"c" :[ "\u00e9" ]}"#]);
        assert_eq!(written(&entry.targets[0]), ["d 1.50"]);
        let inner = &entry.targets[1].targets[0];
        assert_eq!(written(inner), ["e 12345678901234567890123"]);
        assert_eq!(inner.headers[0].1.as_ref().unwrap(), "f");
    }

    #[test]
    fn json_is_checked_inside_override_params_too() {
        for (value, reason) in [
            (r#"{"a":1,"a":2}"#, "has the key a twice at line 1 column "),
            (
                r#"[{"a":{"b":1,"b":2}}]"#,
                "has the key b twice at line 1 column ",
            ),
            (r#""\ud800""#, "is not JSON"),
            ("1e999", "is not JSON"),
            ("01", "is not JSON"),
        ] {
            for text in [
                format!(r#"{{"override_params":{{"x":{value}}}}}"#),
                format!(r#"{{"targets":[{{"overrideParams":{{"x":{value}}}}}]}}"#),
            ] {
                let error = parse(&text).err().unwrap();
                assert!(error.reason.starts_with(reason), "{text}: {}", error.reason);
                assert_eq!(
                    error.reason.matches("line 1").count(),
                    1,
                    "{}",
                    error.reason
                );
            }
        }
    }
}
