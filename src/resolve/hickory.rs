//! Queries DNS servers with hickory. Knows servers and search domains; caches nothing.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    NameServerConfig, ResolveHosts, ResolverConfig, ServerOrderingStrategy,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RecordType};

use super::ResolveError;
use super::answer::Answer;
use crate::machine::descriptors;

/// How long the result of one family waits for the other (RFC 8305 §3, "Resolution Delay", but
/// longer, so that a slow resolver does not lose a family on every first request). Some resolvers
/// never respond to IPv6 queries.
const OTHER_FAMILY_GRACE: Duration = Duration::from_millis(250);

/// The DNS servers, and how relative names are made absolute.
#[derive(Clone, Debug)]
pub(super) struct Dns {
    pub(super) servers: Vec<NameServerConfig>,
    pub(super) search: Vec<Name>,
    /// A name with at least this many dots is tried as it is before the search domains.
    pub(super) ndots: usize,
}

/// The result of one family: addresses and the lowest TTL of the chain.
type Family = Result<(Vec<IpAddr>, Duration), ResolveError>;

impl Dns {
    /// Queries exactly these servers, in this order, over UDP and, for long responses, TCP.
    pub(super) fn with_servers(servers: &[SocketAddr]) -> Self {
        Self {
            servers: servers.iter().map(server_at).collect(),
            search: Vec::new(),
            ndots: 1,
        }
    }

    /// Tries the names in order. Only a nonexistent name leads to the next one.
    pub(super) async fn look_up(
        &self,
        name: &str,
        timeout: Duration,
    ) -> Result<Answer, ResolveError> {
        let client = self.client(timeout)?;
        for candidate in self.candidates(name)? {
            match both_families(&client, candidate).await {
                Err(ResolveError::NotFound) => {}
                found_or_failed => return found_or_failed,
            }
        }
        Err(ResolveError::NotFound)
    }

    /// A client for this look-up only. Its background tasks run on the calling runtime and end with
    /// it; a shared client would belong to the runtime of the first caller.
    fn client(&self, timeout: Duration) -> Result<TokioResolver, ResolveError> {
        let config = ResolverConfig::from_name_servers(self.servers.clone());
        let runtime = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, runtime);
        let options = builder.options_mut();
        options.timeout = timeout;
        options.attempts = 1;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.server_ordering_strategy = ServerOrderingStrategy::UserProvidedOrder;
        builder.build().map_err(failed)
    }

    /// The absolute names that `name` may stand for, most likely first (resolv.conf(5), `search`).
    pub(super) fn candidates(&self, name: &str) -> Result<Vec<Name>, ResolveError> {
        let written = match Name::from_ascii(name) {
            Ok(written) if written.num_labels() > 0 => written,
            Ok(_) | Err(_) => {
                let reason = "the name is not a valid DNS name".to_owned();
                return Err(ResolveError::Failed(reason));
            }
        };
        if written.is_fqdn() {
            return Ok(vec![written]);
        }
        let mut as_is = written.clone();
        as_is.set_fqdn(true);
        let searched = self
            .search
            .iter()
            .filter_map(|domain| written.clone().append_domain(domain).ok());
        let dots = name.bytes().filter(|byte| *byte == b'.').count();
        Ok(match dots >= self.ndots {
            true => [as_is].into_iter().chain(searched).collect(),
            false => searched.chain([as_is]).collect(),
        })
    }
}

fn server_at(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

async fn both_families(client: &TokioResolver, name: Name) -> Result<Answer, ResolveError> {
    let mut v4 = pin!(one_family(client, name.clone(), RecordType::A));
    let mut v6 = pin!(one_family(client, name, RecordType::AAAA));
    tokio::select! {
        first = &mut v4 => {
            let second = after(&first, v6).await;
            merge(first, second)
        }
        first = &mut v6 => {
            let second = after(&first, v4).await;
            merge(second, first)
        }
    }
}

async fn after(first: &Family, other: impl Future<Output = Family>) -> Family {
    match first {
        Err(_) => other.await,
        Ok(_) => tokio::time::timeout(OTHER_FAMILY_GRACE, other)
            .await
            .unwrap_or(Err(ResolveError::Timeout)),
    }
}

/// One family is enough. If the other failed, the result is cached for the shortest time.
fn merge(v4: Family, v6: Family) -> Result<Answer, ResolveError> {
    match (v4, v6) {
        (Ok((v4, ttl4)), Ok((v6, ttl6))) => Ok(Answer::found(v4, v6, ttl4.min(ttl6))),
        (Ok((v4, ttl)), Err(ResolveError::NotFound)) => Ok(Answer::found(v4, Vec::new(), ttl)),
        (Err(ResolveError::NotFound), Ok((v6, ttl))) => Ok(Answer::found(Vec::new(), v6, ttl)),
        (Ok((v4, _)), Err(_)) => Ok(Answer::found(v4, Vec::new(), Duration::ZERO)),
        (Err(_), Ok((v6, _))) => Ok(Answer::found(Vec::new(), v6, Duration::ZERO)),
        (Err(ResolveError::NotFound), Err(error)) | (Err(error), Err(_)) => Err(error),
    }
}

async fn one_family(client: &TokioResolver, name: Name, record_type: RecordType) -> Family {
    let lookup = client.lookup(name, record_type).await.map_err(failed)?;
    let answers = lookup.answers();
    let ttl = answers.iter().map(|record| record.ttl).min();
    let addresses: Vec<IpAddr> = answers
        .iter()
        .filter(|record| record.record_type() == record_type)
        .filter_map(|record| record.data.ip_addr())
        .collect();
    match addresses.is_empty() {
        true => Err(ResolveError::NotFound),
        false => Ok((
            addresses,
            Duration::from_secs(u64::from(ttl.unwrap_or_default())),
        )),
    }
}

fn failed(error: NetError) -> ResolveError {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(_)) => ResolveError::NotFound,
        NetError::Timeout => ResolveError::Timeout,
        NetError::Io(error) if descriptors::are_used_up(&error) => ResolveError::NoDescriptors,
        other => ResolveError::Failed(other.to_string()),
    }
}
