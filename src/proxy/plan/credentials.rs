//! Whether the caller's credentials go to a target: whoever names an origin decides what it gets.

use super::named::Forward;
use crate::guard::NamedBy;

/// What becomes of the caller's credentials at one target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialForwarding {
    /// They cross, as every header does.
    Forwarded,
    /// Not sent on; the reply says so.
    Withheld,
    /// The target has a credential of its own, which stands in their place.
    Replaced,
}

/// What decides it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// Who named the origin.
    pub named_by: NamedBy,
    /// The target has a credential of its own.
    pub has_own: bool,
    /// `forward_authorization`.
    pub forward: Forward,
    /// The plan has no other origin.
    pub only_origin: bool,
}

impl Claim {
    /// Whether a credential of the caller's may go there at all.
    pub fn admits_callers(&self) -> bool {
        match self.named_by {
            NamedBy::Caller => true,
            NamedBy::Settings => {
                !self.has_own && self.forward.operators.unwrap_or(self.only_origin)
            }
        }
    }
}

impl CredentialForwarding {
    pub(super) fn decide(claim: Claim) -> Self {
        let Forward { callers, operators } = claim.forward;
        match claim.has_own {
            true => CredentialForwarding::Replaced,
            false => match callers.or(operators).unwrap_or(claim.admits_callers()) {
                true => CredentialForwarding::Forwarded,
                false => CredentialForwarding::Withheld,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CredentialForwarding::*, *};

    #[test]
    fn whoever_names_an_origin_decides_what_it_gets() {
        use NamedBy::{Caller, Settings};
        for (named_by, has_own, callers, operators, only_origin, expected, admits) in [
            (Caller, false, None, None, true, Forwarded, true),
            (Caller, false, None, None, false, Forwarded, true),
            (Caller, false, Some(false), None, true, Withheld, true),
            (Caller, true, None, None, true, Replaced, true),
            (Caller, true, Some(true), None, true, Replaced, true),
            (Settings, false, None, None, true, Forwarded, true),
            (Settings, false, None, None, false, Withheld, false),
            (Settings, false, Some(false), None, true, Withheld, true),
            (Settings, false, None, Some(true), false, Forwarded, true),
            (
                Settings,
                false,
                Some(false),
                Some(true),
                false,
                Withheld,
                true,
            ),
            (Settings, false, None, Some(false), true, Withheld, false),
            (Settings, true, None, Some(true), true, Replaced, false),
        ] {
            let claim = Claim {
                named_by,
                has_own,
                forward: Forward { callers, operators },
                only_origin,
            };
            assert_eq!(CredentialForwarding::decide(claim), expected, "{claim:?}");
            assert_eq!(claim.admits_callers(), admits, "{claim:?}");
        }
    }
}
