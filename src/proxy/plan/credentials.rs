//! Whose credentials go where: whoever names an origin decides what it gets (contract of the config object, 5.2).

use crate::egress::NamedBy;

/// What becomes of the caller's credentials at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerCredentials {
    /// They cross, as every header does.
    Forwarded,
    /// Not sent on; the reply says so.
    Withheld,
    /// The target has a credential of its own, which stands in their place.
    Replaced,
}

/// What decides it.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Who named the origin.
    pub named_by: NamedBy,
    /// The target has a credential of its own.
    pub has_own: bool,
    /// `forward_authorization`, as far as whoever said it may say it.
    pub forward: Option<bool>,
    /// The plan has no other origin.
    pub only_origin: bool,
}

impl CallerCredentials {
    pub fn decide(claim: Claim) -> Self {
        let forwarded = match (claim.named_by, claim.forward) {
            _ if claim.has_own => return CallerCredentials::Replaced,
            (_, Some(said)) => said,
            (NamedBy::Caller, None) => true,
            (NamedBy::Settings, None) => claim.only_origin,
        };
        match forwarded {
            true => CallerCredentials::Forwarded,
            false => CallerCredentials::Withheld,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CallerCredentials::*, *};

    #[test]
    fn whoever_names_an_origin_decides_what_it_gets() {
        use NamedBy::{Caller, Settings};
        for (named_by, has_own, forward, only_origin, expected) in [
            (Caller, false, None, true, Forwarded),
            (Caller, false, None, false, Forwarded),
            (Caller, false, Some(false), true, Withheld),
            (Caller, true, None, true, Replaced),
            (Caller, true, Some(true), true, Replaced),
            (Settings, false, None, true, Forwarded),
            (Settings, false, None, false, Withheld),
            (Settings, false, Some(true), false, Forwarded),
            (Settings, false, Some(false), true, Withheld),
            (Settings, true, Some(true), true, Replaced),
        ] {
            let claim = Claim {
                named_by,
                has_own,
                forward,
                only_origin,
            };
            assert_eq!(CallerCredentials::decide(claim), expected, "{claim:?}");
        }
    }
}
