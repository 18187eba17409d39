//! The guard's last verdict about a target's addresses, kept beside the plan: the plan itself knows
//! nothing of the network.

use std::{cell::RefCell, net::IpAddr, sync::Arc};

use crate::guard::VettedTarget;

/// What a target's name resolved to when it passed, and what may be dialled therefore. Empty until
/// then: refusals are not remembered.
#[derive(Default)]
pub struct Verdict(RefCell<Option<Passed>>);

pub struct Passed {
    /// None for an address literal, whose verdict only the policy decides.
    pub addresses: Arc<[IpAddr]>,
    pub vetted: VettedTarget,
}

impl Verdict {
    /// The last verdict, if it was one about these addresses.
    pub fn recall(&self, addresses: &[IpAddr]) -> Option<VettedTarget> {
        let passed = self.0.borrow();
        let passed = passed.as_ref()?;
        (*passed.addresses == *addresses).then(|| passed.vetted.clone())
    }

    pub fn remember(&self, passed: Passed) {
        *self.0.borrow_mut() = Some(passed);
    }
}
