//! The system's hosts file and DNS configuration, read again when they change, since networks may
//! change while the gateway runs.

use std::fs;
use std::io::BufReader;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::Hosts;
use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};

use super::answer::Answer;
use super::hickory::Dns;
use crate::machine::descriptors;

/// The two files and their last known content.
#[derive(Debug)]
pub(super) struct System {
    hosts_file: PathBuf,
    resolv_conf: PathBuf,
    last_read: Mutex<Option<(Stamps, Arc<Snapshot>)>>,
}

/// Modification times and sizes, to detect changes.
type Stamps = [Option<(SystemTime, u64)>; 2];

/// The content of both files.
#[derive(Debug)]
pub(super) struct Snapshot {
    hosts: Hosts,
    /// The DNS configuration, or why there is none.
    pub(super) dns: Result<Dns, String>,
}

impl Default for System {
    fn default() -> Self {
        Self::with_files(hosts_path(), "/etc/resolv.conf".into())
    }
}

impl System {
    pub(super) fn with_files(hosts_file: PathBuf, resolv_conf: PathBuf) -> Self {
        Self {
            hosts_file,
            resolv_conf,
            last_read: Mutex::new(None),
        }
    }

    /// The current content. Costs two `stat` calls if nothing changed, and only for names that are
    /// not cached.
    pub(super) fn current(&self) -> Arc<Snapshot> {
        let stamps = [stamp(&self.hosts_file), stamp(&self.resolv_conf)];
        let mut last_read = self
            .last_read
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*last_read {
            Some((read_at, snapshot)) if *read_at == stamps => Arc::clone(snapshot),
            Some(_) | None => {
                let (snapshot, lasts) = self.read();
                let snapshot = Arc::new(snapshot);
                if lasts {
                    *last_read = Some((stamps, Arc::clone(&snapshot)));
                }
                snapshot
            }
        }
    }

    /// The content, and whether it may be kept until the files change; not if descriptors were
    /// lacking.
    fn read(&self) -> (Snapshot, bool) {
        let mut hosts = Hosts::default();
        let outcome = fs::File::open(&self.hosts_file)
            .and_then(|file| hosts.read_hosts_conf(BufReader::new(file)));
        let mut lasts = true;
        if let Err(error) = outcome {
            lasts = !descriptors::are_used_up(&error);
            tracing::warn!(file = %self.hosts_file.display(), %error, "hosts file not read");
        }
        let dns = dns_configuration(&self.resolv_conf).map_err(|error| {
            if let NetError::Io(error) = &error {
                lasts &= !descriptors::are_used_up(error);
            }
            let file = self.resolv_conf.display();
            format!("the system's DNS configuration ({file}) cannot be used: {error}")
        });
        (Snapshot { hosts, dns }, lasts)
    }
}

impl Snapshot {
    /// A name in the hosts file is not looked up elsewhere, even if the file has only one family.
    pub(super) fn in_hosts_file(&self, name: &str) -> Option<Answer> {
        let name = Name::from_ascii(name).ok()?;
        let listed = |record_type| -> Vec<IpAddr> {
            let query = Query::query(name.clone(), record_type);
            let lookup = self.hosts.lookup_static_host(&query);
            let records = lookup.iter().flat_map(|lookup| lookup.answers());
            records.filter_map(|record| record.data.ip_addr()).collect()
        };
        let (v4, v6) = (listed(RecordType::A), listed(RecordType::AAAA));
        match v4.is_empty() && v6.is_empty() {
            true => None,
            false => Some(Answer::found(v4, v6, Duration::ZERO)),
        }
    }
}

fn dns_configuration(resolv_conf: &Path) -> Result<Dns, NetError> {
    let (config, options) = read_dns_configuration(resolv_conf)?;
    let (domain, search, servers) = config.into_parts();
    // `search` replaces the machine's own domain (resolv.conf(5)).
    let search = match search.is_empty() {
        true => domain.into_iter().collect(),
        false => search,
    };
    match servers.is_empty() {
        true => Err(NetError::Message("it names no server")),
        false => Ok(Dns {
            servers,
            search,
            ndots: options.ndots,
        }),
    }
}

#[cfg(all(unix, not(any(target_os = "android", target_vendor = "apple"))))]
fn read_dns_configuration(file: &Path) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    hickory_resolver::system_conf::parse_resolv_conf(fs::read(file)?)
}

/// On other systems the file is at most a copy of the actual configuration.
#[cfg(not(all(unix, not(any(target_os = "android", target_vendor = "apple")))))]
fn read_dns_configuration(_file: &Path) -> Result<(ResolverConfig, ResolverOpts), NetError> {
    hickory_resolver::system_conf::read_system_conf()
}

#[cfg(not(windows))]
fn hosts_path() -> PathBuf {
    "/etc/hosts".into()
}

#[cfg(windows)]
fn hosts_path() -> PathBuf {
    r"C:\Windows\System32\drivers\etc\hosts".into()
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
