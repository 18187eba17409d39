//! What the scripts return: how much is spent and reserved, and where.

use std::collections::HashMap;

use super::super::{Claim, Place, Standing, Whose};

/// The fields of a window.
pub(super) type Fields = HashMap<String, String>;

pub(super) fn standing_of(fields: &Fields, whose: &str) -> Standing {
    let field = |kind: &str| {
        let value = fields.get(&format!("{kind}{whose}"));
        value.and_then(|it| it.parse().ok()).unwrap_or_default()
    };
    Standing {
        spent: field("s"),
        reserved: field("r"),
        granted: field("g"),
    }
}

pub(super) fn standing<'r>(reply: &mut impl Iterator<Item = &'r str>) -> Standing {
    Standing {
        spent: number(reply.next()),
        reserved: number(reply.next()),
        granted: number(reply.next()),
    }
}

/// Where each claim is counted, and what is spent and reserved there.
pub(super) fn granted<'r>(
    claims: &[Claim<'_>],
    reply: &mut impl Iterator<Item = &'r str>,
) -> Vec<(Place, Standing)> {
    let one = |claim: &Claim<'_>| {
        let whose = reply.next().and_then(Whose::parse);
        let whose = whose.unwrap_or(claim.place.whose);
        let place = Place {
            whose,
            ..claim.place
        };
        (place, standing(reply))
    };
    claims.iter().map(one).collect()
}

pub(super) fn number<N: std::str::FromStr + Default>(text: Option<&str>) -> N {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
