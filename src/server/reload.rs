//! Settings that change while the gateway runs: read again when their file changes, and on SIGHUP.
//! All or nothing: a file with a fault changes nothing, and the old settings stay in force.

use std::{
    error::Error,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{sync::mpsc, time};

use crate::{
    config::{ConfigError, Settings, SettingsSource},
    control::{CannotOpen, Control},
    gateway::unreachable_hosts,
};

/// How often the file is looked at. It is read once it has been the same for two looks, so that no
/// file that is still being written is taken for a whole one.
const LOOK: Duration = Duration::from_millis(500);

/// Reads the settings again, and puts them in force.
pub struct Reloader {
    source: SettingsSource,
    /// The file's state before it was read last.
    read: Option<FileState>,
    /// The file of prices that is followed: that of the settings in force, or of refused ones
    /// whose file cannot be used.
    prices: Option<PathBuf>,
    /// Its state before it was read last.
    read_prices: Option<FileState>,
    /// What was in force at the start: some of it stays in force.
    at_start: Arc<Settings>,
    in_force: Arc<Settings>,
    control: Control,
}

/// Asks for a reload, whether or not the file has changed.
pub type Asked = mpsc::Receiver<()>;

/// What tells one state of a file from another, without reading it. `None`: there is no such file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileState(Option<[i64; 5]>);

impl FileState {
    /// The state of the settings file, if there is to be one. The file system may hang.
    pub fn of_source(source: &SettingsSource) -> Option<Self> {
        source.file().map(Self::now)
    }

    async fn of(file: &Path) -> Self {
        let file = file.to_owned();
        let state = tokio::task::spawn_blocking(move || Self::now(&file)).await;
        state.unwrap_or(FileState(None))
    }

    fn now(file: &Path) -> Self {
        let state = |file: fs::Metadata| {
            let (device, inode) = (file.dev().cast_signed(), file.ino().cast_signed());
            [
                device,
                inode,
                file.size().cast_signed(),
                file.mtime(),
                file.mtime_nsec(),
            ]
        };
        FileState(fs::metadata(file).ok().map(state))
    }
}

impl Reloader {
    /// `state`: the file's, before the settings were read from it.
    pub fn new(
        (source, state): (SettingsSource, Option<FileState>),
        settings: &Arc<Settings>,
        control: Control,
    ) -> Self {
        Reloader {
            source,
            read: state,
            prices: settings.prices.file.clone(),
            read_prices: None,
            at_start: settings.clone(),
            in_force: settings.clone(),
            control,
        }
    }

    /// Follows the file and `asked`, for as long as it is awaited.
    pub async fn run(mut self, mut asked: Asked) {
        let mut seen = (None, None);
        let mut looks = time::interval(LOOK);
        loop {
            tokio::select! {
                Some(()) = asked.recv() => {
                    (self.read, self.read_prices) = self.file_states().await;
                    self.reload(true).await;
                }
                _ = looks.tick() => {
                    let now = self.file_states().await;
                    if now == seen && now != (self.read, self.read_prices) {
                        (self.read, self.read_prices) = now;
                        self.reload(false).await;
                    }
                    seen = now;
                }
            }
        }
    }

    /// Those of the settings and of the prices.
    async fn file_states(&self) -> (Option<FileState>, Option<FileState>) {
        let settings = Self::state_of(self.source.file()).await;
        (settings, Self::state_of(self.prices.as_deref()).await)
    }

    async fn state_of(file: Option<&Path>) -> Option<FileState> {
        match file {
            Some(file) => Some(FileState::of(file).await),
            None => None,
        }
    }

    /// Reads the settings; `is_asked`: somebody awaits to be told, also if nothing has changed.
    async fn reload(&mut self, is_asked: bool) {
        let source = self.source.clone();
        // A long file takes long to read.
        let loaded = tokio::task::spawn_blocking(move || source.load()).await;
        if let Ok(loaded) = &loaded {
            self.follow_prices(loaded);
        }
        match loaded {
            Ok(Ok(settings)) if settings == *self.in_force => {
                // Their places in the file may have changed.
                self.in_force = Arc::new(settings);
                self.control.note_places(self.in_force.clone()).await;
                self.forget_failure();
                if is_asked {
                    tracing::info!("the settings are unchanged");
                }
            }
            Ok(Ok(settings)) if settings.needs_stored_key() && !self.has_stored_key() => {
                self.refuse(&CannotOpen::Exposed(settings.listen));
            }
            Ok(Ok(settings)) => self.put_in_force(Arc::new(settings)).await,
            Ok(Err(error)) => self.refuse(&error),
            Err(_) => tracing::error!("the settings could not be read: the reader panicked"),
        }
    }

    /// Follows the file of prices that was read, or could not be.
    fn follow_prices(&mut self, loaded: &Result<Settings, ConfigError>) {
        let file = match loaded {
            Ok(settings) => settings.prices.file.clone(),
            Err(ConfigError::PriceFile { file, .. }) => Some(file.clone()),
            // It is not known whether they name another one.
            Err(_) => return,
        };
        if file != self.prices {
            // As if there were no such file: what it is since then is a change.
            self.read_prices = file.as_ref().map(|_| FileState(None));
            self.prices = file;
        }
    }

    async fn put_in_force(&mut self, settings: Arc<Settings>) {
        let needs_restart = self.at_start.needs_restart_for(&settings);
        let waiting = needs_restart.join(", ");
        let needs_restart = needs_restart.iter().map(ToString::to_string).collect();
        let put = self.control.put_settings(settings.clone(), needs_restart);
        let gateway = put.await;
        let unreachable = unreachable_hosts(&settings, &gateway.policy);
        for warning in settings.warnings.iter().chain(&unreachable) {
            tracing::warn!("{warning}");
        }
        for notice in &settings.notices {
            tracing::info!("{notice}");
        }
        if waiting.is_empty() {
            tracing::info!("settings reloaded");
        } else {
            tracing::warn!(
                needs_restart = waiting,
                "settings reloaded, except for those that are read at the start only"
            );
        }
        self.in_force = settings;
    }

    /// What was wrong in the file is so no longer.
    fn forget_failure(&self) {
        let reloads = &self.control.current.get().process.reloads;
        let last = reloads.last();
        if last.is_some_and(|it| it.error.is_some()) {
            let needs_restart = self.at_start.needs_restart_for(&self.in_force);
            let needs_restart = needs_restart.iter().map(ToString::to_string).collect();
            reloads.note(None, needs_restart);
        }
    }

    fn has_stored_key(&self) -> bool {
        self.control.current.get().stored.has_keys()
    }

    fn refuse(&self, error: &dyn Error) {
        let process = self.control.current.get().process.clone();
        process.reloads.note(Some(error.to_string()), Vec::new());
        process.metrics.reload_failures.inc();
        tracing::error!(
            error = %error,
            "settings not reloaded: those from before stay in force"
        );
    }
}
