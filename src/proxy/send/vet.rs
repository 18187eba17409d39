//! From a target of the plan to the one thing that can be dialled. A name is looked up every time;
//! its verdict stands while it has the same addresses.

use std::{net::IpAddr, sync::Arc};

use crate::{
    error::GatewayError,
    guard::{BaseUrl, Denied, HostPass, NamedBy, Policy, VettedTarget},
    proxy::plan::{Passed, Planned},
    resolve::{ResolveError, Resolver},
    route::tree::TargetId,
};

/// Vets targets for one worker.
#[derive(Clone)]
pub struct Vetter {
    policy: Arc<Policy>,
    resolver: Arc<Resolver>,
}

/// Why a target cannot be dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unvetted {
    Denied(Denied),
    Unresolved(ResolveError),
}

impl Vetter {
    pub fn new(policy: Arc<Policy>, resolver: Arc<Resolver>) -> Self {
        Vetter { policy, resolver }
    }

    /// What the host was judged by, one resolution, a judgement of every address.
    ///
    /// # Errors
    /// What may not be dialled, and a name that cannot be resolved.
    pub async fn vet(&self, plan: &Planned, id: TargetId) -> Result<VettedTarget, Unvetted> {
        let (target, verdict) = (plan.target(id), plan.verdict(id));
        let pass = target.pass.as_ref().map_err(|denied| *denied)?;
        let addresses = self.addresses(pass).await?;
        if let Some(vetted) = verdict.recall(&addresses) {
            return Ok(vetted);
        }
        let vetted = self.policy.judge_addresses(pass.clone(), &addresses)?;
        verdict.remember(Passed {
            addresses,
            vetted: vetted.clone(),
        });
        Ok(vetted)
    }

    /// Vets a server of tokens, which the settings name.
    ///
    /// # Errors
    /// As for [`vet`](Self::vet).
    pub async fn vet_token_server(
        &self,
        url: &BaseUrl,
        is_metadata_server: bool,
    ) -> Result<VettedTarget, Unvetted> {
        let pass = match is_metadata_server {
            true => self.policy.judge_metadata_server(url)?,
            false => self.policy.judge_host(url, NamedBy::Settings)?,
        };
        let addresses = self.addresses(&pass).await?;
        Ok(self.policy.judge_addresses(pass, &addresses)?)
    }

    async fn addresses(&self, pass: &HostPass) -> Result<Arc<[IpAddr]>, ResolveError> {
        match pass.lookup_name() {
            // Boxed: a look-up's state is many times that of the request that waits for it, and
            // most requests never wait.
            Some(name) => Box::pin(self.resolver.resolve(name)).await,
            None => Ok(Arc::from([])),
        }
    }
}

impl From<Denied> for Unvetted {
    fn from(denied: Denied) -> Self {
        Unvetted::Denied(denied)
    }
}

impl From<ResolveError> for Unvetted {
    fn from(error: ResolveError) -> Self {
        Unvetted::Unresolved(error)
    }
}

impl From<Unvetted> for GatewayError {
    fn from(unvetted: Unvetted) -> Self {
        match unvetted {
            Unvetted::Denied(denied) => denied.into(),
            Unvetted::Unresolved(error) => error.into(),
        }
    }
}
