//! A Redis server on a free port, which ends with its test.

use std::{
    ffi::OsString,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::{eventually, postgres::free_port};

/// A running `redis-server`, or several that are one cluster.
pub struct Redis {
    port: u16,
    /// Between nodes of a cluster.
    bus: Option<u16>,
    child: Option<Child>,
    others: Vec<Redis>,
}

const SLOTS: u16 = 16384;
const NODES: u16 = 3;

impl Redis {
    pub fn start() -> Self {
        Self::alone()
    }

    /// A cluster of three nodes, of which the first is spoken to.
    pub fn cluster() -> Self {
        let mut nodes: Vec<Redis> = (0..NODES).map(|_| Self::node()).collect();
        let share = SLOTS.div_ceil(NODES);
        for (node, first) in nodes.iter().zip((0..SLOTS).step_by(share.into())) {
            let last = (first + share).min(SLOTS) - 1;
            node.expect_ok(&format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        let mut first = nodes.remove(0);
        nodes.iter().for_each(|node| first.meet(node));
        first.others = nodes;
        first.settle();
        first
    }

    /// One more node, which takes the last one's place when that dies.
    pub fn add_stand_in(&mut self) {
        let stand_in = Self::node();
        self.meet(&stand_in);
        self.others.push(stand_in);
        self.settle();
        let [.., last, stand_in] = &self.others[..] else {
            panic!("a cluster");
        };
        let id = last.ask("CLUSTER MYID").expect("a reply");
        let id = id.lines().nth(1).expect("a name");
        stand_in.expect_ok(&format!("CLUSTER REPLICATE {id}"));
        eventually("the stand-in has all", || {
            let info = stand_in.ask("INFO replication").unwrap_or_default();
            info.contains("master_link_status:up")
        });
    }

    /// The last one of [`cluster`](Self::cluster), with its part of the keys.
    pub fn last_of_three(&mut self) -> &mut Redis {
        &mut self.others[usize::from(NODES) - 2]
    }

    fn meet(&self, node: &Redis) {
        let (port, bus) = (node.port, node.bus.expect("a node"));
        self.expect_ok(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
    }

    /// Waits until all nodes know each other.
    fn settle(&self) {
        let known = format!("cluster_known_nodes:{}", 1 + self.others.len());
        eventually("the cluster is up", || {
            let all = [self].into_iter().chain(&self.others);
            let info = |node: &Redis| node.ask("CLUSTER INFO").unwrap_or_default();
            let up = |info: String| info.contains("cluster_state:ok") && info.contains(&known);
            all.map(info).all(up)
        });
    }

    fn alone() -> Self {
        Self::on_free_ports(|| None)
    }

    fn node() -> Self {
        Self::on_free_ports(|| Some(free_port()))
    }

    /// A port that is free may be another's by the time it is to be listened on: another is tried
    /// then.
    fn on_free_ports(bus: impl Fn() -> Option<u16>) -> Self {
        for _ in 0..10 {
            let mut redis = Redis {
                port: free_port(),
                bus: bus(),
                child: None,
                others: Vec::new(),
            };
            if redis.started() {
                return redis;
            }
        }
        panic!("no port for a redis");
    }

    fn expect_ok(&self, command: &str) {
        let reply = self.ask(command);
        assert_eq!(reply.as_deref(), Some("+OK\r\n"), "{command}");
    }

    /// All nodes of the cluster that run.
    pub fn nodes(&self) -> impl Iterator<Item = &Redis> {
        let all = [self].into_iter().chain(&self.others);
        all.filter(|node| node.child.is_some())
    }

    /// Keys that this node has, or all nodes of the cluster together.
    pub fn keys_by_node(&self) -> Vec<u64> {
        let all = [self].into_iter().chain(&self.others);
        let count = |node: &Redis| {
            let reply = node.ask("DBSIZE").expect("a reply");
            let digits = reply.trim_start_matches(':').trim();
            digits.parse().expect("a number")
        };
        all.map(count).collect()
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts it again, empty, and waits until it answers.
    pub fn restart(&mut self) {
        assert!(self.started(), "its port is taken");
    }

    /// Whether it runs, and not another at its port.
    fn started(&mut self) -> bool {
        assert!(self.child.is_none(), "it runs");
        let mut server = Command::new(program());
        server
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir", "/tmp"]);
        if let Some(bus) = self.bus {
            let nodes = std::env::temp_dir().join(format!("nodes-{}.conf", self.port));
            server
                .args(["--cluster-enabled", "yes", "--cluster-config-file"])
                .arg(&nodes)
                .args(["--cluster-port", &bus.to_string()])
                .args(["--cluster-node-timeout", "1000"])
                .args(["--cluster-require-full-coverage", "no"]);
        }
        let child = server.stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| panic!("{:?}: {error}", program()));
        let child = self.child.insert(child);
        let (port, mut ended) = (self.port, false);
        eventually("redis answers", || {
            ended = child.try_wait().expect("a child of ours").is_some();
            ended || ask(port, "PING").is_some_and(|it| it == "+PONG\r\n")
        });
        if ended {
            self.child = None;
        }
        !ended
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

    /// An inline command's first response.
    pub fn ask(&self, command: &str) -> Option<String> {
        ask(self.port, command)
    }
}

fn ask(port: u16, command: &str) -> Option<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
    let mut buffer = [0; 4096];
    let count = stream.read(&mut buffer).ok()?;
    Some(String::from_utf8_lossy(&buffer[..count]).into_owned())
}

/// `REDIS_SERVER` may name another server that speaks Redis's protocol.
fn program() -> OsString {
    std::env::var_os("REDIS_SERVER").unwrap_or_else(|| "redis-server".into())
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
