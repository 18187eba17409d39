//! A PostgreSQL server on a free port, with its data in a directory of its own. It ends with the
//! tests, even if they are killed.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::{fs::chown, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::Directory;

/// Must never be seen in an error.
pub const PASSWORD: &str = "hunter2";
const PATIENCE: Duration = Duration::from_secs(60);

/// A handle on a server; the last one stops it.
#[derive(Clone)]
pub struct Postgres(Arc<Server>);

struct Server {
    port: u16,
    directory: Directory,
    /// A shell that stops the server when its input ends.
    guardian: Mutex<Option<Child>>,
}

impl Postgres {
    /// The server that all tests share, each with a database of its own.
    pub fn shared() -> Self {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Self(server);
        }
        let server = Self::start();
        *shared = Arc::downgrade(&server.0);
        server
    }

    /// A server that the test may stop.
    pub fn start() -> Self {
        for _ in 0..10 {
            let server = Self(Arc::new(Server {
                port: free_port(),
                directory: Directory::new(),
                guardian: Mutex::new(None),
            }));
            server.initialize();
            if server.started() {
                return server;
            }
        }
        panic!("no port for a PostgreSQL server");
    }

    fn initialize(&self) {
        if let Some((user, group)) = other_user() {
            chown(self.0.directory.path(), Some(user), Some(group)).expect("chown");
        }
        let made = as_user(program("initdb"))
            .arg("-D")
            .arg(self.data())
            .args([
                "-U",
                "app",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
            ])
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("initdb").success(), "initdb failed");
    }

    /// Where its files are.
    pub fn data(&self) -> PathBuf {
        self.0.directory.path().join("data")
    }

    /// The URL of a new, empty database.
    pub async fn new_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.run("postgres", &format!("CREATE DATABASE {name}"))
            .await;
        self.url(&name)
    }

    pub fn url(&self, database: &str) -> String {
        let port = self.0.port;
        format!("postgres://app:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// Runs statements of the test's own.
    pub async fn run(&self, database: &str, sql: &str) {
        run(&self.url(database), sql).await;
    }

    /// Ends it as a crash does: nothing is written, every connection is cut.
    pub fn crash(&self) {
        self.0.stop();
    }

    /// Stops responding, with connections open; `false` goes on.
    pub fn freeze(&self, frozen: bool) {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).expect("a pid file");
        let postmaster = file.lines().next().expect("a pid").to_owned();
        let children = format!("/proc/{postmaster}/task/{postmaster}/children");
        let children = fs::read_to_string(children).expect("its processes");
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let all = children.split_whitespace().chain([&*postmaster]);
        let sent = Command::new("kill").arg(signal).args(all).status();
        assert!(sent.expect("kill").success());
    }

    /// Starts it again, on its port.
    pub fn restart(&self) {
        assert!(self.started(), "its port is taken");
    }

    /// Whether it runs, and not another at its port.
    fn started(&self) -> bool {
        let script = r#"exec 3<&0; "$@" </dev/null & cat <&3
            kill -QUIT $!; kill -CONT $!; wait $!"#;
        let guardian = as_user(PathBuf::from("/bin/sh"))
            .args(["-c", script, "guardian"])
            .arg(program("postgres"))
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.0.port.to_string(), "-k", ""])
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.0.directory.path().join("log")).expect("a log"))
            .spawn()
            .expect("a shell");
        *self
            .0
            .guardian
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(guardian);
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let log = fs::read_to_string(self.0.directory.path().join("log"));
            let log = log.unwrap_or_default();
            if log.contains("ready to accept connections") {
                return true;
            }
            if log.contains("could not create any TCP/IP sockets") {
                self.0.stop();
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(self.0.directory.path().join("log"));
        panic!("PostgreSQL does not start: {log:?}");
    }
}

/// Runs statements at a URL of a database.
pub async fn run(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url).await.expect("a connection");
    let done = connection.execute(AssertSqlSafe(sql.to_owned())).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.expect("closed");
}

impl Server {
    fn stop(&self) {
        let mut guardian = self.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut guardian) = guardian.take() {
            drop(guardian.stdin.take());
            let _ = guardian.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Debian keeps the server's programs out of the path; the newest version is taken.
fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let versions = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let program = entry.path().join("bin").join(name);
        program.exists().then_some((version, program))
    });
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = || {
        std::env::split_paths(&path)
            .map(|it| it.join(name))
            .find(|it| it.exists())
    };
    let found = versions.max().map(|(_, program)| program).or_else(in_path);
    found.unwrap_or_else(|| panic!("no {name}: PostgreSQL must be installed"))
}

fn as_user(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    // It must be able to enter its working directory.
    command.current_dir("/");
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
}

/// PostgreSQL does not run as root: another user and group for it then.
fn other_user() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).expect("/etc/passwd");
    let ids = |name: &str| {
        let line = users
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    Some(
        ids("postgres")
            .or_else(|| ids("nobody"))
            .expect("a user to run PostgreSQL"),
    )
}

/// A port below those that the system gives to outgoing connections: none of them takes it while
/// the server is away.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let mut ports = std::iter::repeat_with(|| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        // Programs that run at once begin at other ports.
        let place = std::process::id().wrapping_mul(37).wrapping_add(next);
        10_000 + (place % 20_000) as u16
    });
    ports.find(is_free).expect("a port")
}
