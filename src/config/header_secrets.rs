//! Header lines whose values are secrets.

use std::collections::BTreeMap;

use actix_http::header::{HeaderName, HeaderValue};
use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::identity::document::within;
use crate::secret::Secret;

/// Values by header name. Shows names only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderSecrets(BTreeMap<String, Secret>);

impl HeaderSecrets {
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Secret)> {
        self.0.iter().map(|(name, secret)| (name.as_str(), secret))
    }
}

impl<'de> Deserialize<'de> for HeaderSecrets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = BTreeMap::<String, Secret>::deserialize(from)?;
        let mut headers = BTreeMap::new();
        for (name, secret) in written {
            let Ok(known) = HeaderName::from_bytes(name.as_bytes()) else {
                return Err(D::Error::custom(within(
                    &name,
                    "is not the name of a header",
                )));
            };
            if HeaderValue::from_str(secret.expose()).is_err() {
                let reason = "must be a text without line breaks and control characters";
                return Err(D::Error::custom(within(&name, reason)));
            }
            headers.insert(known.as_str().to_owned(), secret);
        }
        Ok(HeaderSecrets(headers))
    }
}

impl Serialize for HeaderSecrets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.keys().map(|name| (name, ())))
    }
}
