//! The trait of kinds of values: each is read from text in the same way in the file, the
//! environment and the flags, and shown and described in one way. The kinds themselves are in
//! `address`, `enums`, `name`, `objects` and `units`.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::SocketAddr;

use actix_http::header::HeaderName;
use ipnet::IpNet;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value as Json;

use crate::guard::AllowEntry;
use crate::secret::Secret;

/// A kind of value, for a field with `#[serde(with = "...")]`. Refusals read "must be" and what is
/// expected, and never repeat the value, which may be a secret in the wrong place.
pub trait Kind: Sized {
    /// The type of the checked value.
    type Value: Shown;
    /// The JSON types that it may be written as.
    const TYPES: &'static [&'static str] = &["string"];

    /// The name on the reference page; the plural for kinds that stand in lists.
    const NAME: &'static str;
    /// What is allowed, after "must be".
    const EXPECTED: &'static str;

    /// The name; kinds that are made of another kind compose it.
    fn name() -> Cow<'static, str> {
        Self::NAME.into()
    }

    /// What is allowed; kinds that are made of another kind compose it.
    fn expected() -> Cow<'static, str> {
        Self::EXPECTED.into()
    }

    /// Reads text from the file, the environment or a flag.
    fn from_text(text: &str) -> Option<Self::Value>;

    /// Why text is refused, where more can be said than what is allowed: the end of the sentence
    /// that begins with the key. It must not repeat the text.
    fn refusal(_text: &str) -> Option<String> {
        None
    }

    /// Reads a plain number of the file.
    fn from_whole(_number: u64) -> Option<Self::Value> {
        None
    }

    /// Reads `true` or `false` of the file.
    fn from_bool(_claim: bool) -> Option<Self::Value> {
        None
    }

    /// The value as it could stand in the file, without secrets.
    fn show(value: &Self::Value) -> Json {
        value.shown()
    }

    /// For serde.
    fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(KindVisitor::<Self>(PhantomData))
    }

    /// For serde.
    fn serialize<S: Serializer>(value: &Self::Value, to: S) -> Result<S::Ok, S::Error> {
        Self::show(value).serialize(to)
    }

    /// For the JSON schema.
    fn schema() -> Schema {
        json_schema!({ "title": Self::name(), "type": Self::TYPES })
    }
}

/// A value as it could stand in the file, without secrets.
pub trait Shown {
    fn shown(&self) -> Json;
}

/// Shows types whose `Display` is the form in the file.
macro_rules! shown_as_text {
    ($($shown:ty),*) => {$(
        impl Shown for $shown {
            fn shown(&self) -> Json {
                self.to_string().into()
            }
        }
    )*};
}

shown_as_text!(String, SocketAddr, IpNet, HeaderName, AllowEntry);

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> Json {
        self.as_ref().map_or(Json::Null, T::shown)
    }
}

/// Reads a flag's text.
///
/// # Errors
/// The sentence that says what is allowed.
pub fn from_flag<K: Kind>(text: &str) -> Result<K::Value, String> {
    K::from_text(text).ok_or_else(|| format!("must be {}", K::expected()))
}

struct KindVisitor<K>(PhantomData<K>);

impl<K: Kind> Visitor<'_> for KindVisitor<K> {
    type Value = K::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&K::expected())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<K::Value, E> {
        K::from_text(text).ok_or_else(|| match K::refusal(text) {
            Some(reason) => E::custom(reason),
            None => E::invalid_value(Unexpected::Other("text"), &self),
        })
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<K::Value, E> {
        K::from_whole(number).ok_or_else(|| E::invalid_value(Unexpected::Other("number"), &self))
    }

    fn visit_bool<E: Error>(self, claim: bool) -> Result<K::Value, E> {
        K::from_bool(claim).ok_or_else(|| E::invalid_value(Unexpected::Other("bool"), &self))
    }
}

/// Adds kinds to the schema of the settings.
macro_rules! described {
    ($($({$($bound:tt)+})? $kind:ty),* $(,)?) => {$(
        impl$(<$($bound)+>)? schemars::JsonSchema for $kind {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                <Self as $crate::config::kind::Kind>::name()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <Self as $crate::config::kind::Kind>::schema()
            }
        }
    )*};
}
pub(super) use described;

described!({K: Kind, W: Absence} Or<K, W>);

/// A value that may be absent.
pub type Optional<K> = Or<K, Nothing>;
/// A value, or `none` for no limit.
pub type OrNone<K> = Or<K, NoLimit>;
/// A value, or `auto`, which is determined at the start.
pub type OrAuto<K> = Or<K, Auto>;

/// A value, or the word for its absence.
pub struct Or<K, W>(PhantomData<(K, W)>);

/// How the absence of a value is written.
pub trait Absence {
    /// The word in the file; `None`: by leaving the key out.
    const WORD: Option<&'static str>;
}

macro_rules! absences {
    ($($name:ident = $word:expr),*) => {$(
        pub struct $name;

        impl Absence for $name {
            const WORD: Option<&'static str> = $word;
        }
    )*};
}

absences!(Nothing = None, NoLimit = Some("none"), Auto = Some("auto"));

impl<K: Kind, W: Absence> Kind for Or<K, W> {
    type Value = Option<K::Value>;
    const TYPES: &'static [&'static str] = K::TYPES;
    const NAME: &'static str = K::NAME;
    const EXPECTED: &'static str = K::EXPECTED;

    fn name() -> Cow<'static, str> {
        match W::WORD {
            Some(word) => format!("{}, or `{word}`", K::name()).into(),
            None => K::name(),
        }
    }

    fn expected() -> Cow<'static, str> {
        match W::WORD {
            Some(word) => format!("{word}, or {}", K::expected()).into(),
            None => K::expected(),
        }
    }

    fn from_text(text: &str) -> Option<Self::Value> {
        match W::WORD == Some(text) {
            true => Some(None),
            false => K::from_text(text).map(Some),
        }
    }

    fn refusal(text: &str) -> Option<String> {
        K::refusal(text)
    }

    fn from_whole(number: u64) -> Option<Self::Value> {
        K::from_whole(number).map(Some)
    }

    fn from_bool(claim: bool) -> Option<Self::Value> {
        K::from_bool(claim).map(Some)
    }

    fn show(value: &Self::Value) -> Json {
        value.as_ref().map_or(W::WORD.into(), K::show)
    }
}

/// A list of values of one kind.
pub struct List<K>(PhantomData<K>);

impl<K: Kind> List<K> {
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<K::Value>, D::Error> {
        let items = Vec::<Item<K>>::deserialize(from)?;
        Ok(items.into_iter().map(|item| item.0).collect())
    }

    pub fn serialize<S: Serializer>(items: &[K::Value], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(items.iter().map(K::show))
    }
}

struct Item<K: Kind>(K::Value);

impl<'de, K: Kind> Deserialize<'de> for Item<K> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        K::deserialize(from).map(Item)
    }
}

impl<K: Kind> JsonSchema for List<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("list of {}", K::name()).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let items = json_schema!({ "type": K::TYPES });
        json_schema!({ "title": Self::schema_name(), "type": "array", "items": items })
    }
}

/// Reads one secret or a list of them. Text may hold several with commas between, since the
/// environment has no lists.
pub fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Secret>, D::Error> {
    struct Secrets;

    impl<'de> Visitor<'de> for Secrets {
        type Value = Vec<Secret>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text, or a list of texts")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<Secret>, E> {
            Ok(text.split(',').map(|it| Secret::new(it.trim())).collect())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Secret>, A::Error> {
            let mut secrets = Vec::new();
            while let Some(secret) = items.next_element()? {
                secrets.push(secret);
            }
            Ok(secrets)
        }
    }
    from.deserialize_any(Secrets)
}

/// Shows of secrets only that they are set.
pub fn hidden_list<S: Serializer>(secrets: &[Secret], to: S) -> Result<S::Ok, S::Error> {
    (!secrets.is_empty()).then_some("set").serialize(to)
}

/// Shows of a secret only that it is set.
pub fn hidden<S: Serializer>(secret: &Option<Secret>, to: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| "set").serialize(to)
}
