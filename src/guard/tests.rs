//! The rules against hand-written verdicts and against generated input.

mod allow;
mod any_input;
mod base_url;
mod iana;
mod rules;
mod verdicts;

use std::net::IpAddr;

use super::{
    addresses::{AddressClass, MAX_ADDRESSES, classify},
    base_url::MAX_BASE_URL_BYTES,
    *,
};

fn entries(written: &[&str]) -> Vec<AllowEntry> {
    written.iter().map(|entry| entry.parse().unwrap()).collect()
}

fn ips(written: &[&str]) -> Vec<IpAddr> {
    written.iter().map(|ip| ip.parse().unwrap()).collect()
}

/// Both judgements; `resolved` are the addresses returned by the resolver.
fn judge(
    policy: &Policy,
    url: &BaseUrl,
    named_by: NamedBy,
    resolved: &[IpAddr],
) -> Result<VettedTarget, Denied> {
    let pass = policy.judge_host(url, named_by)?;
    policy.judge_addresses(pass, resolved)
}
