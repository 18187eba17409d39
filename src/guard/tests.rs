//! The rules against hand-written verdicts, and against anything a generator can think of.

mod allow;
mod any_input;
mod base_url;
mod iana;
mod rules;
mod verdicts;

use std::net::IpAddr;

use super::*;

fn entries(written: &[&str]) -> Vec<AllowEntry> {
    written.iter().map(|entry| entry.parse().unwrap()).collect()
}

fn ips(written: &[&str]) -> Vec<IpAddr> {
    written.iter().map(|ip| ip.parse().unwrap()).collect()
}

/// Both judgements, with `resolved` as the resolver's answer.
fn judge(
    policy: &Policy,
    url: &BaseUrl,
    named_by: NamedBy,
    resolved: &[IpAddr],
) -> Result<VettedTarget, Denied> {
    let pass = policy.judge_host(url, named_by)?;
    policy.judge_addresses(pass, resolved)
}
