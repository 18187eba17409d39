//! Public ids of keys, teams and endpoints. An id stays when its object is renamed or its key is
//! rotated, and is no secret: logs, records and URLs hold it.

use std::{borrow::Cow, fmt};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{base62, text::Text};

/// An id of 128 bits, written as its prefix and 22 base62 characters. Made from UUIDs of version 7,
/// ids sort by the time they were made, as numbers and as texts.
macro_rules! ids {
    ($($(#[$meaning:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$meaning])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn new(uuid: Uuid) -> Self {
                $name(uuid.into_bytes())
            }

            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// Whether there is an id: the default stands for one that is still to be made.
            pub fn is_given(&self) -> bool {
                *self != Self::default()
            }

            /// The id of an object that the settings file writes without one: the same for every
            /// start and replica, as long as the name stays.
            pub fn of_name(name: &str) -> Self {
                let digest = Sha256::digest(format!("{}{name}", Self::PREFIX));
                let mut id = [0; 16];
                id.copy_from_slice(&digest[..16]);
                $name(id)
            }
        }

        impl Text for $name {
            const EXPECTED: &'static str = concat!($prefix, " and 22 letters and digits");

            fn from_text(text: &str) -> Result<Self, Cow<'static, str>> {
                let digits = text.strip_prefix(Self::PREFIX).map(str::as_bytes);
                let digits = digits.filter(|it| it.len() == base62::WIDTH_OF_128_BITS);
                let number = digits.and_then(base62::decode);
                let number = number.ok_or_else(Self::refusal)?;
                Ok($name(number.to_be_bytes()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let number = u128::from_be_bytes(self.0);
                let digits = base62::encode::<{ base62::WIDTH_OF_128_BITS }>(number);
                write!(f, "{}{}", Self::PREFIX, digits.escape_ascii())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    )*};
}

ids! {
    /// The id of a key: `key_...`.
    KeyId = "key_";
    /// The id of a team: `team_...`.
    TeamId = "team_";
    /// The id of an endpoint: `ep_...`.
    EndpointId = "ep_";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_come_back_from_their_texts_and_sort_like_them(one: [u8; 16], other: [u8; 16]) {
            let ids = [one, other].map(|it| KeyId::new(Uuid::from_bytes(it)));
            let texts = ids.map(|id| id.to_string());
            prop_assert_eq!(KeyId::from_text(&texts[0]), Ok(ids[0]));
            prop_assert_eq!(texts[0].cmp(&texts[1]), ids[0].cmp(&ids[1]));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let id = TeamId::of_name("search").to_string();
        assert_eq!(id, TeamId::of_name("search").to_string());
        assert_ne!(id, TeamId::of_name("ads").to_string());
        assert!(TeamId::from_text(&id).is_ok());
        for refused in [
            &id[1..],
            &id[..id.len() - 1],
            &format!("{id}0"),
            "team_",
            "search",
        ] {
            let reason = TeamId::from_text(refused).unwrap_err();
            assert_eq!(
                reason, "must be team_ and 22 letters and digits",
                "{refused}"
            );
        }
        assert!(KeyId::from_text(&id).is_err());
    }
}
