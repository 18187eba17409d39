//! Refusals and logs contain no secret, at any log level, wherever a caller has put it.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use crate::support::{Client, Upstream};

/// The program itself, with everything logged.
struct Program {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    head: String,
    address: SocketAddr,
    settings: PathBuf,
}

impl Program {
    fn logging_everything(yaml: &str) -> Self {
        let name = format!("throughway-guard-{}.yaml", std::process::id());
        let settings = std::env::temp_dir().join(name);
        let all = format!("listen: 127.0.0.1:0\nlog: {{ level: trace, format: json }}\n{yaml}");
        std::fs::write(&settings, all).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_throughway"))
            .arg("--config")
            .arg(&settings)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut head = String::new();
        while !head.contains("\"listening\"") {
            let read = log.read_line(&mut head).expect("a line");
            assert_ne!(read, 0, "{head}");
        }
        let address = head
            .rsplit_once("\"address\":\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .map(|(address, _)| address.parse().expect("an address"))
            .expect(&head);
        Program {
            child,
            log,
            head,
            address,
            settings,
        }
    }

    fn ask(&self, request: &str) -> String {
        let mut client = Client::connect(self.address);
        client.send(request);
        let response = client.response();
        format!("{}{}", response.head, response.text())
    }

    /// Stops it; all it has logged.
    fn log(mut self) -> String {
        // Not killed: it is to write what it has logged.
        let mut kill = Command::new("kill");
        let told = kill.arg(self.child.id().to_string()).status();
        assert!(told.expect("kill runs").success());
        let mut log = std::mem::take(&mut self.head);
        self.log.read_to_string(&mut log).expect("text");
        log
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.settings);
    }
}

#[test]
fn no_log_line_and_no_refusal_tells_a_secret() {
    let upstream = Upstream::responding(
        "HTTP/1.1 200 OK\r\nSet-Cookie: s=sekret-cookie-back\r\nContent-Length: 2\r\n\r\nok",
    );
    let program = Program::logging_everything(&format!(
        "guard: {{ preset: self_hosted, allow: [\"{}\"] }}\n\
         admin_token: sekret-admin-token-of-32-characters",
        upstream.address
    ));
    let secrets = "Authorization: Bearer sekret-bearer\r\nx-api-key: sekret-key\r\n\
                   Cookie: a=sekret-cookie\r\n\
                   x-gateway-api-key: sekret-gateway-key\r\nx-goog-api-key: sekret-goog\r\n\
                   x-gateway-metadata: {\"user\":\"sekret-user\"}\r\n";
    let served = upstream.url();
    let mut responses = String::new();
    for (url, status) in [
        (format!("{served}/v1?api_key=sekret-base-query"), "200"),
        (format!("{served}/sekret-base-path/v1"), "200"),
        (
            "http://10.0.0.1:1/sekret-path?key=sekret-query".to_owned(),
            "403",
        ),
        (
            "https://sekret-name:sekret-password@10.0.0.1/".to_owned(),
            "400",
        ),
        (format!("{served}/v1#sekret-fragment"), "400"),
        (format!("{served}/sekret/../v1"), "400"),
        ("sekret-scheme://x".to_owned(), "400"),
        ("https://[sekret-host/v1".to_owned(), "400"),
    ] {
        let response = program.ask(&format!(
            "POST /v1/chat/completions?key=sekret-caller-query HTTP/1.1\r\nHost: localhost\r\n\
             x-gateway-custom-host: {url}\r\n{secrets}Content-Length: 11\r\n\r\nsekret-body"
        ));
        assert!(
            response.starts_with(&format!("HTTP/1.1 {status} ")),
            "{url}: {response}"
        );
        responses.push_str(&response.replace("sekret-cookie-back", ""));
    }
    for lines in [
        "x-gateway-config: {\"api_key\":\"sekret-config\"}\r\n",
        "x-gateway-api-key: sekret with spaces\r\n",
        "x-gateway-metadata: {\"user\":\"sekret-user\",\"a\":1}\r\n",
        "x-gateway-provider: https://sekret.example/\r\n",
    ] {
        let response = program.ask(&format!(
            "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"
        ));
        assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
        responses.push_str(&response);
    }
    let metrics = "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\
                   Authorization: Bearer sekret-admin-token-of-32-characters\r\n\r\n";
    responses.push_str(&program.ask(metrics));
    let log = program.log();
    assert_eq!(log.matches("\"message\":\"request\"").count(), 12, "{log}");
    for text in [log, responses] {
        let told: Vec<_> = text
            .lines()
            .filter(|line| line.contains("sekret"))
            .collect();
        assert_eq!(told, Vec::<&str>::new());
    }
    assert_eq!(upstream.requests().len(), 2);
}
