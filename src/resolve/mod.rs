//! Resolves names to addresses, with the system's configuration or the configured DNS servers.
//! Results are cached, and concurrent look-ups of a name are coalesced. Whether an address may be
//! dialled is decided by `guard`.

mod answer;
mod hickory;
mod system;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use tokio::time::{Instant, timeout_at};

use answer::{Answer, Lifetime};
use hickory::Dns;
use system::System;

/// The most cached names; the least useful are evicted first.
const MAX_NAMES: u64 = 10_000;

/// How names are resolved.
#[derive(Clone, Debug)]
pub struct DnsSettings {
    /// DNS servers to use exclusively, without hosts file and search domains. Empty: the system's
    /// hosts file, DNS servers and search domains.
    pub servers: Vec<SocketAddr>,
    /// The total time of a look-up, including all servers, retransmissions and search domains.
    pub timeout: Duration,
}

impl Default for DnsSettings {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Duration::from_secs(3),
        }
    }
}

/// Why a name could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or has neither IPv4 nor IPv6 addresses.
    #[error("the name does not exist or has no address")]
    NotFound,
    #[error("no DNS server answered in time")]
    Timeout,
    /// The process or the system cannot open a socket for the query.
    #[error("no descriptor is left to look a name up with")]
    NoDescriptors,
    /// The reason is for logs: it may name files and servers of the system.
    #[error("the look-up failed: {0}")]
    Failed(String),
}

/// The resolver, shared by all workers. Results are shared, sockets are not: every look-up creates
/// its own DNS client on the runtime of its worker, so no background task outlives or crosses a
/// runtime.
#[derive(Debug)]
pub struct Resolver {
    source: Source,
    timeout: Duration,
    answers: Cache<Box<str>, Answer>,
}

#[derive(Debug)]
enum Source {
    Servers(Dns),
    System(System),
}

impl Resolver {
    /// Never fails. If the system configuration cannot be read, `problem` reports it, and the hosts
    /// file and literals still work. Changes of the configuration are detected.
    pub fn new(settings: &DnsSettings) -> Self {
        let source = match settings.servers.as_slice() {
            [] => Source::System(System::default()),
            servers => Source::Servers(Dns::with_servers(servers)),
        };
        Self::with_source(source, settings.timeout)
    }

    fn with_source(source: Source, timeout: Duration) -> Self {
        let answers = Cache::builder()
            .max_capacity(MAX_NAMES)
            .expire_after(Lifetime)
            .build();
        Self {
            source,
            timeout,
            answers,
        }
    }

    /// Why DNS look-ups cannot work at present, for a warning at start-up.
    pub fn problem(&self) -> Option<String> {
        match &self.source {
            Source::Servers(_) => None,
            Source::System(system) => system.current().dns.as_ref().err().cloned(),
        }
    }

    /// The addresses of `name`: at least one, alternating between IPv4 and IPv6, starting with
    /// IPv4. A trailing dot makes the name absolute, so no search domain is tried.
    ///
    /// Results are cached for their TTL, but between 1 s and 60 s; that a name does not exist is
    /// cached for 1 s; other failures are not cached.
    ///
    /// # Errors
    /// See `ResolveError`; returned after the configured timeout at the latest.
    pub async fn resolve(&self, name: &str) -> Result<Arc<[IpAddr]>, ResolveError> {
        let name = name.to_ascii_lowercase();
        if let Some(known) = known_without_asking(&name) {
            return Ok(known);
        }
        if let Some(kept) = self.answers.get(name.as_str()).await {
            return kept.addresses().ok_or(ResolveError::NotFound);
        }
        let deadline = Instant::now() + self.timeout;
        // The deadline applies twice: inside, so that all callers waiting for this look-up get its
        // result; outside, in case the look-up they wait for is not being polled.
        let ask = async {
            timeout_at(deadline, self.look_up(&name))
                .await
                .unwrap_or(Err(ResolveError::Timeout))
        };
        let shared = self.answers.try_get_with(name.as_str().into(), ask);
        match timeout_at(deadline, shared).await {
            Ok(Ok(answer)) => answer.addresses().ok_or(ResolveError::NotFound),
            Ok(Err(error)) => Err(ResolveError::clone(&error)),
            Err(_elapsed) => Err(ResolveError::Timeout),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Answer, ResolveError> {
        let found = match &self.source {
            Source::Servers(dns) => dns.look_up(name, self.timeout).await,
            Source::System(system) => {
                let system = system.current();
                match (system.in_hosts_file(name), &system.dns) {
                    (Some(answer), _) => Ok(answer),
                    (None, Ok(dns)) => dns.look_up(name, self.timeout).await,
                    (None, Err(problem)) => Err(ResolveError::Failed(problem.clone())),
                }
            }
        };
        match found {
            Err(ResolveError::NotFound) => Ok(Answer::not_found()),
            Ok(answer) => Ok(answer),
            Err(error) => Err(error),
        }
    }
}

/// Literals and the names of the local machine that need no look-up (RFC 6761 §6.3).
fn known_without_asking(name: &str) -> Option<Arc<[IpAddr]>> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Some([ip].into());
    }
    let relative = name.strip_suffix('.').unwrap_or(name);
    let is_local = relative == "localhost" || relative.ends_with(".localhost");
    is_local.then(|| [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into())
}
