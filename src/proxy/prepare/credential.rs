//! Would a request reach a provider without any credential? A gateway key is not sent in place of
//! a provider's, so the provider would only refuse, and nobody could tell why.

use crate::{
    error::{Code, GatewayError},
    proxy::{admit::Admitted, plan::Plan},
};

/// Refuses a request with a gateway key whose one target is a built-in provider for which neither
/// settings nor caller have a credential.
///
/// # Errors
/// `no_credential`.
pub fn check(admitted: &Admitted<'_>, plan: &Plan) -> Result<(), GatewayError> {
    let [target] = &*plan.targets else {
        return Ok(());
    };
    let Some(remedy) = &target.lacks_credential else {
        return Ok(());
    };
    if admitted.holder().is_none() || admitted.presented.credentials().next().is_some() {
        return Ok(());
    }
    let message = format!(
        "the gateway has no credential for {}, and a gateway key is never sent in its place: \
         {remedy}; or send a key of the provider's beside the gateway key, which then goes in \
         x-gateway-api-key",
        target.provider.to_str().unwrap_or("the provider")
    );
    Err(GatewayError::new(Code::NoCredential, message))
}
