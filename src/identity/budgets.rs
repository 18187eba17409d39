//! The budgets of a key, a team, an endpoint or the settings: a list in which each has an owner.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::document::within;
use crate::budget::{Budget, Scoped};

/// The most budgets of one owner: each is counted for each of its requests.
const MOST: usize = 16;

/// Budgets in the order they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets(Box<[Arc<Scoped>]>);

impl Budgets {
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Scoped>> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same budgets as those of `owner`, such as `keys.key_...`.
    pub fn of(self, owner: impl Into<Box<str>>) -> Self {
        if self.is_empty() {
            return self;
        }
        let owner = owner.into();
        let scoped = |it: &Arc<Scoped>| Arc::new(Scoped::new(it.budget.clone(), owner.clone()));
        Budgets(self.0.iter().map(scoped).collect())
    }
}

impl<'de> Deserialize<'de> for Budgets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let written = Vec::<Budget>::deserialize(from)?;
        if written.len() > MOST {
            return Err(D::Error::custom(format_args!(
                "must have at most {MOST} items"
            )));
        }
        let scoped = |budget| Arc::new(Scoped::new(budget, ""));
        let budgets: Box<[Arc<Scoped>]> = written.into_iter().map(scoped).collect();
        for (at, one) in budgets.iter().enumerate() {
            let is_same = |other: &Arc<Scoped>| other.id() == one.id();
            if let Some(first) = budgets.iter().take(at).position(is_same) {
                let reason = format!("counts the same as [{first}]: give it a name of its own");
                return Err(D::Error::custom(within(&format!("[{at}]"), &reason)));
            }
        }
        Ok(Budgets(budgets))
    }
}

impl Serialize for Budgets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter().map(|scoped| &scoped.budget))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::identity::document::{FieldError, read};

    #[test]
    fn an_error_names_the_field_of_the_budget() {
        let good = json!({ "usd": 1, "window": "day" });
        for (written, path) in [
            (json!([good, { "usd": -1, "window": "day" }]), "[1].usd"),
            (
                json!([{ "usd": 1, "window": "day", "limit": 5 }]),
                "[0].limit",
            ),
            (json!([{ "usd": 1, "window": "year" }]), "[0].window"),
            (
                json!([{ "usd": 1, "window": "day", "timezone": "x" }]),
                "[0].timezone",
            ),
            (
                json!([{ "usd": 1, "window": "day", "match": { "x": 1 } }]),
                "[0].match.x",
            ),
            (json!([{ "window": "day" }]), "[0]"),
            (json!([good, good]), "[1]"),
            (json!(vec![good.clone(); MOST + 1]), ""),
            (good, ""),
        ] {
            let error: FieldError = read::<Budgets>(&written).unwrap_err();
            assert_eq!(error.path, path, "{written}");
        }
    }

    #[test]
    fn equal_budgets_of_two_owners_are_counted_apart() {
        let written = json!([{ "usd": 1, "window": "day" }, {
            "usd": 1, "window": "day", "name": "other"
        }]);
        let budgets: Budgets = read(&written).unwrap();
        let of = |owner: &str| budgets.clone().of(owner);
        assert_eq!(of("keys.a"), of("keys.a"));
        let ids: std::collections::BTreeSet<_> = [of("keys.a"), of("keys.b")]
            .iter()
            .flat_map(|it| it.iter().map(|scoped| scoped.id()).collect::<Vec<_>>())
            .collect();
        assert_eq!(ids.len(), 4);
    }
}
