//! Which settings are read at the start only? What they describe is made once for the process: a
//! socket, a thread, a store. A change of theirs waits for a restart; every other setting is in
//! force as soon as the file is read again.

use super::Settings;

/// A setting that is read at the start, and whether two of its values are the same.
type Row = (&'static str, fn(&Settings, &Settings) -> bool);

macro_rules! rows {
    ($($($part:ident).+),* $(,)?) => {
        [$((
            concat!($(".", stringify!($part)),+),
            |old, new| old.$($part).+ == new.$($part).+,
        )),*]
    };
}

/// Each with a dot in front.
const AT_START: &[Row] = &rows![
    listen,
    workers,
    tls,
    downstream.head,
    downstream.body_idle,
    downstream.write_stall,
    downstream.keep_alive,
    downstream.max_connections,
    upstream.keepalive,
    upstream.max_idle_per_host,
    upstream.tls,
    dns,
    drain,
    memory,
    cache.store,
    cache.url,
    cache.cluster,
    cache.timeout,
    cache.max_bytes,
    limit_store,
    store,
    records,
    data_dir,
    secret_key,
    log.level,
    log.format,
    metrics,
    telemetry,
];

/// The settings that are read at the start only.
pub fn names() -> impl Iterator<Item = &'static str> {
    AT_START
        .iter()
        .map(|(name, _)| name.trim_start_matches('.'))
}

impl Settings {
    /// The settings that differ in `new` and are read at the start only.
    pub fn needs_restart_for(&self, new: &Settings) -> Vec<&'static str> {
        let rows = AT_START.iter().filter(|(_, same)| !same(self, new));
        rows.map(|(name, _)| name.trim_start_matches('.')).collect()
    }
}
