//! A Redis server of the test's own, on a free port, gone with the test.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::eventually;

/// A running `redis-server`.
pub struct Redis {
    port: u16,
    child: Option<Child>,
    cluster: bool,
}

impl Redis {
    pub fn start() -> Self {
        Self::of_kind(false)
    }

    /// A cluster of one node.
    pub fn cluster() -> Self {
        let redis = Self::of_kind(true);
        let served = redis.ask("CLUSTER ADDSLOTSRANGE 0 16383");
        assert_eq!(served.as_deref(), Some("+OK\r\n"));
        eventually("the cluster is up", || {
            let info = redis.ask("CLUSTER INFO").unwrap_or_default();
            info.contains("cluster_state:ok")
        });
        redis
    }

    fn of_kind(cluster: bool) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let mut redis = Redis {
            port,
            child: None,
            cluster,
        };
        redis.restart();
        redis
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts it (again), empty, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let nodes = std::env::temp_dir().join(format!("nodes-{}.conf", self.port));
        let enabled = if self.cluster { "yes" } else { "no" };
        let child = Command::new("redis-server")
            .args(["--cluster-enabled", enabled, "--cluster-config-file"])
            .arg(&nodes)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        eventually("redis answers", || {
            self.ask("PING").is_some_and(|it| it == "+PONG\r\n")
        });
    }

    /// Ends it, as a crash does.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("a child of ours");
        child.wait().expect("a child of ours");
    }

    /// Stops answering, with connections open; `false` goes on.
    pub fn freeze(&self, frozen: bool) {
        let pid = self.child.as_ref().expect("it runs").id().to_string();
        let signal = if frozen { "-STOP" } else { "-CONT" };
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill").success());
    }

    /// An inline command's first answer.
    pub fn ask(&self, command: &str) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..count]).into_owned())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let nodes = std::env::temp_dir().join(format!("nodes-{}.conf", self.port));
        let _ = std::fs::remove_file(nodes);
    }
}
