//! Which model does a target get? A target may set its own, or take a prefix from the caller's.

use std::borrow::Cow;

/// How a target changes the model that a caller asks for.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelChange<'t> {
    /// The JSON value that takes the model's place.
    pub set: Option<&'t str>,
    /// What is taken from its beginning.
    pub prefix: Option<&'t str>,
}

/// The same for later.
#[derive(Debug)]
pub enum SentModel {
    /// `None`: the target sets no text.
    Set(Option<Box<str>>),
    WithoutPrefix(Box<str>),
}

impl ModelChange<'_> {
    /// `None`: the model stays as it is.
    pub fn kept(self) -> Option<Box<SentModel>> {
        let kept = match (self.set, self.prefix) {
            (Some(json), _) => SentModel::Set(serde_json::from_str(json).ok()),
            (None, Some(prefix)) => SentModel::WithoutPrefix(prefix.into()),
            (None, None) => return None,
        };
        Some(Box::new(kept))
    }

    /// The model that the target gets.
    pub fn of(self, asked: Option<&str>) -> Option<Cow<'_, str>> {
        match (self.set, self.prefix) {
            (Some(json), _) => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
            (None, prefix) => asked.map(|asked| Cow::Borrowed(without(prefix, asked))),
        }
    }
}

impl SentModel {
    /// The model that the target got.
    pub fn of<'m>(&'m self, asked: Option<&'m str>) -> Option<&'m str> {
        match self {
            SentModel::Set(model) => model.as_deref(),
            SentModel::WithoutPrefix(prefix) => asked.map(|asked| without(Some(prefix), asked)),
        }
    }
}

fn without<'m>(prefix: Option<&str>, model: &'m str) -> &'m str {
    let rest = prefix.and_then(|prefix| model.strip_prefix(prefix));
    rest.unwrap_or(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_sets_a_model_or_takes_a_prefix() {
        let change = |set, prefix| ModelChange { set, prefix };
        for (change, asked, sent) in [
            (change(None, None), Some("small"), Some("small")),
            (change(None, Some("@p/")), Some("@p/big"), Some("big")),
            (change(None, Some("@p/")), Some("big"), Some("big")),
            (
                change(Some("\"big\""), Some("@p/")),
                Some("@p/small"),
                Some("big"),
            ),
            (change(Some("\"big\""), None), None, Some("big")),
            (change(Some("7"), None), Some("small"), None),
            (change(None, Some("@p/")), None, None),
        ] {
            assert_eq!(change.of(asked).as_deref(), sent, "{change:?}");
            let kept = change.kept();
            let later = kept.as_ref().map_or(asked, |it| it.of(asked));
            assert_eq!(later, sent, "{change:?}");
        }
    }
}
