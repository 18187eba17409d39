//! The limits of a key or a team, each in the form of `rate_limit` in a config object.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value, json};

use super::document::within;
use crate::route::{
    config::parse_limit,
    limit::{Limit, Scope, Scoped},
};

/// The most limits of one key or team: each is counted for each of its requests.
const MOST: usize = 16;

/// Limits in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits(Box<[OwnLimit]>);

/// One limit of a key or a team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnLimit {
    /// The limit under a path of its owner's, such as `keys.key_....limits[0]`, so that no two
    /// owners share a count.
    pub scoped: Scoped,
    /// Written without `by`: counts all requests of its owner together.
    pub counts_all: bool,
}

impl Limits {
    pub fn iter(&self) -> impl Iterator<Item = &OwnLimit> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same limits as those of `owner`, such as `keys.key_...`.
    pub(super) fn of(self, owner: fmt::Arguments<'_>) -> Self {
        let place = |(place, own): (usize, OwnLimit)| OwnLimit {
            scoped: scoped(own.scoped.limit, format!("{owner}.limits[{place}]")),
            counts_all: own.counts_all,
        };
        Limits(self.0.into_iter().enumerate().map(place).collect())
    }
}

fn scoped(limit: Limit, place: String) -> Scoped {
    Scoped::new(limit, Scope::Settings, place)
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Vec::<Value>::deserialize(from)?;
        if written.len() > MOST {
            return Err(D::Error::custom(format_args!(
                "must have at most {MOST} items"
            )));
        }
        let read = |(place, value)| {
            let path = format!("[{place}]");
            let limit = parse_limit(value, &path);
            let limit = limit.map_err(|error| within(&error.path, &error.reason))?;
            let counts_all = value.get("by").is_none_or(Value::is_null);
            let scoped = scoped(limit, path);
            Ok(OwnLimit { scoped, counts_all })
        };
        let limits: Result<_, String> = written.iter().enumerate().map(read).collect();
        limits.map(Limits).map_err(D::Error::custom)
    }
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(
            self.iter()
                .map(|own| shown(&own.scoped.limit, own.counts_all)),
        )
    }
}

/// A limit as it is written.
pub fn shown(limit: &Limit, counts_all: bool) -> Value {
    let mut shown = json!({});
    if let Some(rate) = limit.rate {
        shown["requests"] = json!(rate.requests);
        shown["window"] = json!(shown_window(rate.window));
        shown["burst"] = json!(rate.burst);
    }
    if let Some(rate) = limit.tokens {
        shown["tokens"] = json!(rate.tokens);
        shown["window"] = json!(shown_window(rate.window));
    }
    if let Some(concurrent) = limit.concurrent {
        shown["concurrent"] = json!(concurrent);
    }
    if !counts_all {
        shown["by"] = json!(limit.by.name());
    }
    shown
}

/// A window in the largest unit that divides it.
fn shown_window(window: Duration) -> String {
    let ms = window.as_millis();
    let units = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
    ];
    let unit = units.iter().find(|(_, length)| ms.is_multiple_of(*length));
    let (unit, length) = unit.copied().unwrap_or(("ms", 1));
    format!("{}{unit}", ms / length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::document::{FieldError, read};

    #[test]
    fn a_limit_without_by_counts_all_requests_of_its_owner() {
        let written = json!([
            { "requests": 60 },
            { "requests": 5, "window": 1500, "burst": 2, "by": "origin" },
            { "concurrent": 3, "by": "caller" },
        ]);
        let limits: Limits = read(&written).unwrap();
        let counts_all: Vec<bool> = limits.iter().map(|it| it.counts_all).collect();
        assert_eq!(counts_all, [true, false, false]);
        let shown = json!([
            { "requests": 60, "window": "1m", "burst": 60 },
            { "requests": 5, "window": "1500ms", "burst": 2, "by": "origin" },
            { "concurrent": 3, "by": "caller" },
        ]);
        assert_eq!(serde_json::to_value(&limits).unwrap(), shown);
        assert_eq!(read(&shown), Ok(limits));
    }

    #[test]
    fn equal_limits_of_two_owners_are_counted_apart() {
        let limits: Limits = read(&json!([{ "requests": 60 }])).unwrap();
        let of = |owner: &str| limits.clone().of(format_args!("keys.{owner}")).0;
        assert_eq!(&*of("a")[0].scoped.place, "keys.a.limits[0]");
        assert_ne!(of("a")[0].scoped.id(), of("b")[0].scoped.id());
    }

    #[test]
    fn an_error_names_the_field_of_the_limit() {
        for (written, path) in [
            (
                json!([{ "requests": 1 }, { "requests": 0 }]),
                "[1].requests",
            ),
            (json!([{ "requests": 1, "window": "1y" }]), "[0].window"),
            (json!([{ "request": 1 }]), "[0].request"),
            (json!([{}]), "[0]"),
            (json!([5]), "[0]"),
            (json!({ "requests": 1 }), ""),
            (json!(vec![json!({ "requests": 1 }); MOST + 1]), ""),
        ] {
            let error: FieldError = read::<Limits>(&written).unwrap_err();
            assert_eq!(error.path, path, "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_window_is_shown_as_it_is_read(ms in 1_u64..86_400_000) {
            let written = json!([{ "requests": 1, "window": ms }]);
            let limits: Limits = read(&written).unwrap();
            let shown = serde_json::to_value(&limits).unwrap();
            prop_assert_eq!(read(&shown), Ok(limits));
        }
    }
}
