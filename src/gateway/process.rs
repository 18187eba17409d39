//! What lives as long as the process, whatever becomes of the settings: what was counted, stored
//! and learned, and what connections were opened with.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

use super::{
    budgets::BudgetCounts, cache::CacheStores, limits::LimitCounts, reload_notes::ReloadNotes,
    sessions::Sessions, store_health::NotedHealth, unusable_settings::UnusableSettings,
};
use crate::{
    config::{KeyLabel, Settings},
    credential::tokens::Tokens,
    downstream::{Closing, DownstreamTimeouts},
    machine::{
        self,
        descriptors::{self, Division, Shortages},
    },
    memory::BodyMemory,
    observe::metrics::{KeyLabels, Metrics},
    origin_health::OriginHealth,
    record::{Queue, QueueLimits},
    records::{self, Records},
    resolve::{DnsSettings, Resolver},
    upstream::{
        PoolLimits,
        tls::{HostTls, TlsClients},
    },
};

/// Most idle upstream connections of one worker, all hosts together.
const MOST_IDLE: usize = 4096;

/// What all snapshots of the settings share.
pub struct Process {
    pub metrics: Arc<Metrics>,
    pub origin_health: OriginHealth,
    pub limits: LimitCounts,
    pub budgets: BudgetCounts,
    pub cache: CacheStores,
    /// Access tokens of the operator's accounts.
    pub tokens: Tokens,
    pub body_memory: Arc<BodyMemory>,
    pub resolver: Arc<Resolver>,
    pub tls: Arc<TlsClients>,
    pub pool: PoolLimits,
    pub downstream: DownstreamTimeouts,
    /// How often the process ran out of descriptors.
    pub shortages: Arc<Shortages>,
    /// Whether the store of keys and teams can be used.
    pub store: NotedHealth,
    /// The last reload of the settings.
    pub reloads: ReloadNotes,
    /// When the process began to serve.
    pub started: Timestamp,
    /// Who is signed in to the console.
    pub sessions: Sessions,
    /// Takes the records of requests that have ended.
    pub records: Arc<Queue>,
    /// What becomes of them.
    pub archive: Records,
    draining: AtomicBool,
    closing: Arc<Closing>,
}

impl Process {
    /// Begins with the settings of the start. Reads certificate files and opens no socket.
    ///
    /// # Errors
    /// The first setting that cannot be used.
    pub(super) fn new(settings: &Settings) -> Result<Self, UnusableSettings> {
        let division = Division::of(descriptors::limit(), settings.workers);
        let metrics = Arc::new(Metrics::new());
        let archive = archive(settings, &metrics);
        count_by_key(settings, &metrics);
        let memory = settings.memory.bodies;
        let memory = memory.unwrap_or_else(machine::memory::for_bodies);
        let limits = LimitCounts::of(settings, &metrics)?;
        Ok(Process {
            origin_health: OriginHealth::new(metrics.clone()),
            budgets: BudgetCounts::of(settings, &limits, &metrics),
            limits,
            cache: CacheStores::of(settings, &metrics)?,
            tokens: Tokens::default(),
            body_memory: BodyMemory::new(memory, metrics.bodies()),
            resolver: Arc::new(Resolver::new(&DnsSettings {
                servers: settings.dns.servers.clone(),
                timeout: settings.dns.timeout,
            })),
            tls: Arc::new(TlsClients::new(&host_tls(settings))?),
            pool: PoolLimits {
                max_idle: settings.upstream.keepalive,
                max_idle_per_key: settings.upstream.max_idle_per_host,
                max_idle_total: MOST_IDLE,
                max_open: division.clients + division.idle,
            },
            downstream: client_timeouts(settings),
            shortages: Arc::default(),
            store: NotedHealth::default(),
            reloads: ReloadNotes::default(),
            started: Timestamp::now(),
            sessions: Sessions::default(),
            records: archive.queue.clone(),
            archive,
            draining: AtomicBool::new(false),
            closing: Arc::default(),
            metrics,
        })
    }

    /// Other settings are put in force. `needs_restart`: those read at the start only.
    pub fn note_reload(&self, needs_restart: Vec<String>) {
        self.reloads.note(None, needs_restart);
        self.metrics.reloads.inc();
    }

    /// From here on, readiness says 503.
    pub fn begin_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// From here on, client connections close as soon as they are idle; requests under way have
    /// `budget`.
    pub fn begin_closing(&self, budget: Duration) {
        self.closing.begin(budget);
    }

    pub fn closing(&self) -> Arc<Closing> {
        self.closing.clone()
    }
}

fn archive(settings: &Settings, metrics: &Metrics) -> Records {
    let queue = &settings.records.queue;
    let limits = QueueLimits {
        records: queue.records,
        bytes: usize::try_from(queue.bytes).unwrap_or(usize::MAX),
    };
    let counts = records::Counts {
        stored: metrics.records_stored.clone(),
        dropped: metrics.records_dropped.clone(),
        queued: metrics.records_queued.clone(),
    };
    let records = Records::new(limits, counts);
    records.sum_up(&settings.records.usage_metadata);
    records
}

fn count_by_key(settings: &Settings, metrics: &Metrics) {
    let labels = &settings.metrics.labels;
    if !labels.is_empty() {
        metrics.count_by_key(KeyLabels {
            key: labels.contains(&KeyLabel::Key),
            team: labels.contains(&KeyLabel::Team),
            most: settings.metrics.max_series,
        });
    }
}

fn client_timeouts(settings: &Settings) -> DownstreamTimeouts {
    DownstreamTimeouts {
        head: settings.downstream.head,
        body_idle: settings.downstream.body_idle,
        write_stall: settings.downstream.write_stall,
        keep_alive: settings.downstream.keep_alive,
    }
}

fn host_tls(settings: &Settings) -> Vec<HostTls> {
    let entries = settings.upstream.tls.iter().enumerate();
    entries
        .map(|(place, entry)| HostTls {
            key: format!("upstream.tls[{place}]"),
            host: entry.host.clone(),
            ca_file: entry.ca_file.clone(),
            client_auth: entry.client_cert.clone().zip(entry.client_key.clone()),
        })
        .collect()
}
