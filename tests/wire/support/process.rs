//! The built program as a process of its own: for signals, exit codes and memory.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{Client, Response, client::METRICS, eventually, terminal::Terminal};

const PROGRAM: &str = env!("CARGO_BIN_EXE_throughway");

/// `throughway serve` on a free port; killed when dropped.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
    settings: SettingsFile,
}

impl Process {
    /// With these lines of a settings file, and one worker unless they say otherwise.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn serving(name: &str, yaml: &str) -> Self {
        Self::run(name, yaml, Command::new(PROGRAM))
    }

    /// The same, under these soft and hard limits of open files.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn with_descriptors(name: &str, yaml: &str, soft: u32, hard: u32) -> Self {
        let mut shell = Command::new("/bin/sh");
        let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\"");
        shell.args([OsStr::new("-c"), OsStr::new(&script), OsStr::new(PROGRAM)]);
        Self::run(name, yaml, shell)
    }

    fn run(name: &str, yaml: &str, command: Command) -> Self {
        let settings = SettingsFile::new(name, yaml);
        let mut child = spawn(command, &settings, Stdio::piped());
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            let read = log.read_line(&mut line).expect("text");
            assert!(read > 0, "the program ended before it listened");
            if let Some(address) = listening(&line) {
                break address;
            }
        };
        // A pipe that is not read would stall the program.
        let kept = Arc::new(Mutex::new(String::new()));
        let keeping = kept.clone();
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                *keeping.lock().expect("text") += &(line + "\n");
            }
        });
        Process {
            address,
            child,
            log: kept,
            settings,
        }
    }

    /// The same with this standard error, which is not read here: the port is found by its socket.
    pub fn logging_to(name: &str, yaml: &str, stderr: impl Into<Stdio>) -> Self {
        Self::found_by_its_socket(Command::new(PROGRAM), name, yaml, stderr.into())
    }

    /// The same, and no file it writes may grow beyond `blocks` of the shell's `ulimit -f` (512 or
    /// 1024 bytes each).
    pub fn with_small_files(name: &str, yaml: &str, stderr: impl Into<Stdio>, blocks: u32) -> Self {
        let mut shell = Command::new("/bin/sh");
        let script = format!("ulimit -f {blocks} && exec \"$0\" \"$@\"");
        shell.args([OsStr::new("-c"), OsStr::new(&script), OsStr::new(PROGRAM)]);
        Self::found_by_its_socket(shell, name, yaml, stderr.into())
    }

    /// The same with a terminal as its standard error, and these variables in its environment.
    pub fn at_terminal(name: &str, yaml: &str, variables: &[(&str, &str)]) -> (Self, Terminal) {
        let (terminal, stderr) = Terminal::open();
        let mut command = Command::new("/usr/bin/env");
        let variables = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        command.args(variables).arg(PROGRAM);
        let process = Self::found_by_its_socket(command, name, yaml, stderr.into());
        (process, terminal)
    }

    fn found_by_its_socket(command: Command, name: &str, yaml: &str, stderr: Stdio) -> Self {
        let settings = SettingsFile::new(name, yaml);
        let mut child = spawn(command, &settings, stderr);
        let mut address = None;
        super::eventually("the program listens", || {
            assert_eq!(child.try_wait().expect("a child"), None, "it has ended");
            address = listening_socket(child.id());
            address.is_some()
        });
        Process {
            address: address.expect("found above"),
            child,
            log: Arc::default(),
            settings,
        }
    }

    /// All it has logged until now: lines are written in order, and a while after they are made.
    /// Ends with a refused request, which the access log must tell of.
    pub fn log_until_now(&self) -> String {
        let marker = format!("until-{}", MARKERS.fetch_add(1, Ordering::Relaxed));
        self.exchange(format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-trace-id: {marker}\r\n\r\n"
        ));
        let marker = format!("\"trace_id\":\"{marker}\"");
        super::eventually("the log is written", || self.log().contains(&marker));
        self.log()
    }

    /// What has been written of its log since it listened.
    pub fn log(&self) -> String {
        self.log.lock().expect("text").clone()
    }

    /// A raw client connected to it.
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// One request on a connection of its own.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.client();
        client.send(request);
        client.response()
    }

    /// See [`Response::metric`]; an admin token must be `secret`.
    pub fn metric(&self, name: &str) -> i64 {
        self.exchange(METRICS).metric(name)
    }

    /// Sends a signal by name, `TERM` for example.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.child.id().to_string())
            .status();
        assert!(status.expect("kill runs").success());
    }

    /// Replaces the settings file by one with these lines, as a whole.
    pub fn write_settings(&self, yaml: &str) {
        let new = self.settings.path.with_extension("new");
        fs::write(&new, yaml).expect("a temporary file");
        fs::rename(&new, &self.settings.path).expect("the settings file");
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("it ends", || !self.is_running());
        self.child.wait().expect("a child")
    }

    /// Open files now.
    pub fn descriptors(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.child.id());
        std::fs::read_dir(directory).map_or(0, Iterator::count)
    }

    /// The soft and the hard limit of open files.
    pub fn descriptor_limits(&self) -> [u64; 2] {
        let path = format!("/proc/{}/limits", self.child.id());
        let limits = std::fs::read_to_string(path).expect("a running process");
        let line = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"));
        let mut words = line.unwrap_or_default().split_whitespace();
        [0; 2].map(|_: u8| {
            words
                .next()
                .and_then(|it| it.parse().ok())
                .expect("a limit")
        })
    }

    /// Resident memory in bytes now.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes
            .and_then(|text| text.parse::<u64>().ok())
            .expect("a size")
            * 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

static MARKERS: AtomicUsize = AtomicUsize::new(0);

/// Whether settings say where objects are stored. Without a word on it they would be stored among
/// the files of the user who runs the tests.
pub fn tells_store(yaml: &str) -> bool {
    yaml.lines().any(|line| line.starts_with("store:"))
}

/// Removed when dropped.
struct SettingsFile {
    path: PathBuf,
    tells_workers: bool,
    tells_store: bool,
}

impl SettingsFile {
    fn new(name: &str, yaml: &str) -> Self {
        let file = format!("{name}-{}.yaml", std::process::id());
        let path = std::env::temp_dir().join(file);
        fs::write(&path, yaml).expect("a temporary file");
        SettingsFile {
            path,
            tells_workers: yaml.contains("workers:"),
            tells_store: tells_store(yaml),
        }
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn spawn(mut command: Command, settings: &SettingsFile, stderr: Stdio) -> Child {
    command.env_clear();
    if !settings.tells_store {
        command.env("THROUGHWAY_STORE", "off");
    }
    command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args((!settings.tells_workers).then_some("--workers=1"))
        .arg("--config")
        .arg(&settings.path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .expect("the program starts")
}

/// Where the process listens on 127.0.0.1, by the kernel's tables.
fn listening_socket(pid: u32) -> Option<SocketAddr> {
    const LISTENS: &str = "0A";
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let inodes: Vec<String> = descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.ok()?.path()).ok())
        .filter_map(|link| {
            Some(
                link.to_str()?
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .into(),
            )
        })
        .collect();
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).ok()?;
    table.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let ours = *fields.get(3)? == LISTENS && inodes.iter().any(|it| it == fields[9]);
        let (_, port) = fields[1].split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        ours.then_some(SocketAddr::from(([127, 0, 0, 1], port)))
    })
}

/// The address in the JSON log line that tells it.
fn listening(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line.get("message")? == "listening").then_some(())?;
    line.get("address")?.as_str()?.parse().ok()
}
