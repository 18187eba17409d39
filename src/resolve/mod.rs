//! Which addresses does a name have? Asks the system's way or the configured DNS servers, keeps
//! answers for a while, and lets callers that ask together share one look-up. Judges nothing.

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

/// Names kept at once; the least useful go first.
const MAX_NAMES: u64 = 10_000;

/// How names are resolved.
#[derive(Clone, Debug)]
pub struct DnsSettings {
    /// The DNS servers to ask, and nothing else: no hosts file, no search domains. Empty: the
    /// system's hosts file, DNS servers and search domains.
    pub servers: Vec<SocketAddr>,
    /// Until a look-up is given up, all servers, retransmissions and search domains included.
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

/// Why a name has no addresses for us.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// The name does not exist, or has neither an IPv4 nor an IPv6 address.
    #[error("the name does not exist or has no address")]
    NotFound,
    #[error("no DNS server answered in time")]
    Timeout,
    /// The process, or the system, can open no socket to ask with.
    #[error("no descriptor is left to look a name up with")]
    NoDescriptors,
    /// The reason is for logs: it may name the system's files and servers.
    #[error("the look-up failed: {0}")]
    Failed(String),
}

/// One for the whole process, shared by all workers: the answers are shared, the sockets are not.
/// Every look-up makes its own DNS client on the runtime of the worker that asks, so that no
/// background task outlives or crosses a worker's runtime.
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
    /// Never fails: a system configuration that cannot be read is told by `problem`, and hosts
    /// file and literals work without it. It is read again as soon as it changes.
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

    /// What keeps DNS look-ups from working at present, for a warning at start.
    pub fn problem(&self) -> Option<String> {
        match &self.source {
            Source::Servers(_) => None,
            Source::System(system) => system.current().dns.as_ref().err().cloned(),
        }
    }

    /// The addresses of `name`, at least one, alternating between IPv4 and IPv6, IPv4 first. A
    /// trailing dot makes the name absolute: no search domain is tried.
    ///
    /// Answers are kept for their TTL, but 1 s at least and 60 s at most; that a name does not
    /// exist is kept for 1 s; other failures are not kept.
    ///
    /// # Errors
    /// See `ResolveError`; after the configured timeout at the latest.
    pub async fn resolve(&self, name: &str) -> Result<Arc<[IpAddr]>, ResolveError> {
        let name = name.to_ascii_lowercase();
        if let Some(known) = known_without_asking(&name) {
            return Ok(known);
        }
        if let Some(kept) = self.answers.get(name.as_str()).await {
            return kept.addresses().ok_or(ResolveError::NotFound);
        }
        let deadline = Instant::now() + self.timeout;
        // The same deadline twice: inside, so that those who wait for this look-up learn its end;
        // outside, for when the one that is waited for does not run.
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

/// Literals, and the names that mean this machine without being looked up (RFC 6761 §6.3).
fn known_without_asking(name: &str) -> Option<Arc<[IpAddr]>> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Some([ip].into());
    }
    let relative = name.strip_suffix('.').unwrap_or(name);
    let is_local = relative == "localhost" || relative.ends_with(".localhost");
    is_local.then(|| [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].into())
}
