//! Values that documents write as text: parsed in one way, refused with one sentence. A refusal
//! never repeats the text, which may be a secret in the wrong place.

use std::borrow::Cow;

/// A value that is written as text, as its `Display` prints it.
pub trait Text: Sized {
    /// What is allowed, after "must be".
    const EXPECTED: &'static str;

    /// # Errors
    /// The end of the sentence that begins with the field's name.
    fn from_text(text: &str) -> Result<Self, Cow<'static, str>>;

    /// The sentence for texts of which no more can be said.
    fn refusal() -> Cow<'static, str> {
        format!("must be {}", Self::EXPECTED).into()
    }
}

/// Gives types with [`Text`] and `Display` their serde.
macro_rules! serde_as_text {
    ($($kind:ty),* $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str($crate::identity::text::TextVisitor::default())
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
    )*};
}
pub(crate) use serde_as_text;

/// Reads a [`Text`] for serde.
pub struct TextVisitor<T>(std::marker::PhantomData<T>);

impl<T> Default for TextVisitor<T> {
    fn default() -> Self {
        TextVisitor(std::marker::PhantomData)
    }
}

impl<T: Text> serde::de::Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).map_err(E::custom)
    }
}

serde_as_text!(
    super::token::Digest,
    super::token::DisplayPrefix,
    super::id::EndpointId,
    super::id::KeyId,
    super::id::TeamId,
    super::name::ConfigName,
    super::name::Name,
    super::name::TeamRef,
    super::time::Time,
);
