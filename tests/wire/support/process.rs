//! The built program as a process of its own: for signals, exit codes and memory.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use super::{Client, PATIENCE, Response, client::METRICS};

const PROGRAM: &str = env!("CARGO_BIN_EXE_throughway");

/// `throughway serve` on a free port; killed when dropped.
pub struct Process {
    pub address: SocketAddr,
    child: Child,
    log: Arc<Mutex<String>>,
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
        let script = format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec {PROGRAM} \"$@\"");
        shell.args(["-c", &script, "sh"]);
        Self::run(name, yaml, shell)
    }

    fn run(name: &str, yaml: &str, mut command: Command) -> Self {
        let settings = std::env::temp_dir().join(format!("{name}-{}.yaml", std::process::id()));
        std::fs::write(&settings, yaml).expect("a temporary file");
        let mut child = command
            .env_clear()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args((!yaml.contains("workers:")).then_some("--workers=1"))
            .arg("--config")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
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
        // A pipe nobody reads would stall the program.
        let kept = Arc::new(Mutex::new(String::new()));
        let keeping = kept.clone();
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                *keeping.lock().expect("text") += &(line + "\n");
            }
        });
        let _ = std::fs::remove_file(settings);
        Process {
            address,
            child,
            log: kept,
        }
    }

    /// What it has logged since it listened.
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

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(Instant::now() < deadline, "still running");
            thread::sleep(std::time::Duration::from_millis(5));
        }
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

/// The address in the JSON log line that tells it.
fn listening(line: &str) -> Option<SocketAddr> {
    let line: serde_json::Value = serde_json::from_str(line).ok()?;
    (line.get("message")? == "listening").then_some(())?;
    line.get("address")?.as_str()?.parse().ok()
}
