//! Names that the operator gives to keys, teams and configs, and how a key refers to its team.

use std::{borrow::Cow, fmt, sync::Arc};

use super::{
    id::{KeyId, TeamId},
    text::Text,
};
use crate::route::Provider;

/// A name of the operator's choice. Its characters need no escape in URLs, logs or metrics. Equal
/// names may share their memory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(pub(super) Arc<str>);

impl Name {
    /// In bytes.
    const LONGEST: usize = 64;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, which shares the name's memory.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl Text for Name {
    const EXPECTED: &'static str = "1 to 64 of A-Z a-z 0-9 . _ @ -, and begin with neither key_ \
                                    nor team_, which begin ids";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
        let is_plain = text.bytes().all(allowed) && (1..=Self::LONGEST).contains(&text.len());
        let is_id = [KeyId::PREFIX, TeamId::PREFIX]
            .iter()
            .any(|prefix| text.starts_with(prefix));
        match is_plain && !is_id {
            true => Ok(Name(text.into())),
            false => Err(Self::refusal()),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of a config of the settings. Whether there is one is checked with the whole snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConfigName(pub(super) Arc<str>);

impl ConfigName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for ConfigName {
    const EXPECTED: &'static str = "the name of a config of the settings";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        match Provider::parse(text) {
            Some(Provider::Named(_)) => Ok(ConfigName(text.into())),
            Some(Provider::Passthrough | Provider::Settings(_)) | None => Err(Self::refusal()),
        }
    }
}

impl fmt::Display for ConfigName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The team that a key names, by name or by id. No name looks like an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TeamRef {
    Id(TeamId),
    Name(Name),
}

impl Text for TeamRef {
    const EXPECTED: &'static str = "the name or the id (team_...) of a team";

    fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
        let parsed = match text.starts_with(TeamId::PREFIX) {
            true => TeamId::from_text(text).map(TeamRef::Id),
            false => Name::from_text(text).map(TeamRef::Name),
        };
        parsed.map_err(|_| Self::refusal())
    }
}

impl fmt::Display for TeamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TeamRef::Id(id) => id.fmt(f),
            TeamRef::Name(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_plain_and_never_looks_like_an_id() {
        let longest = "x".repeat(64);
        for name in ["app", "ada@example.com", "A_b-c.9", "keys", &longest] {
            assert_eq!(
                Name::from_text(name).map(|it| it.to_string()),
                Ok(name.to_owned())
            );
        }
        let too_long = "x".repeat(65);
        for refused in ["", "two words", "a/b", "é", "key_x", "team_", &too_long] {
            assert!(Name::from_text(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn a_team_is_named_by_name_or_id() {
        let id = TeamId::of_name("search");
        assert_eq!(TeamRef::from_text(&id.to_string()), Ok(TeamRef::Id(id)));
        assert!(matches!(TeamRef::from_text("search"), Ok(TeamRef::Name(_))));
        for refused in ["team_search", "key_x", ""] {
            let reason = TeamRef::from_text(refused).unwrap_err();
            assert_eq!(reason, "must be the name or the id (team_...) of a team");
        }
    }
}
