//! The log on a terminal: a few lines at the start with a request that works as shown, and one
//! short line for each request; colours only where they are wanted.

use std::{
    io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use crate::support::{
    PATIENCE, Process, Upstream,
    gateway::get,
    routing::{Refusing, base, chat},
    show,
    terminal::Terminal,
};

/// The program's own mock, which is stopped when dropped.
struct Mock {
    child: Child,
    /// `http://address/v1`.
    base: String,
}

impl Mock {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_throughway"))
            .args(["mock", "--listen", "127.0.0.1:0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stderr = child.stderr.take().expect("a pipe");
        BufReader::new(stderr).read_line(&mut line).expect("text");
        let (_, base) = line.trim_end().split_once(" on ").expect(&line);
        let base = base.to_owned();
        Mock { child, base }
    }

    fn host(&self) -> &str {
        self.base
            .strip_prefix("http://")
            .unwrap()
            .strip_suffix("/v1")
            .unwrap()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words of the command that begins with `curl`, as a shell reads them.
fn curl(message: &str) -> Vec<String> {
    let (_, command) = message.split_once("\n  curl ").expect(message);
    let (command, _) = command.split_once("'\n").expect(message);
    let mut words = vec![String::new()];
    let mut quoted = false;
    for char in (command.to_owned() + "'").replace(" \\\n", " ").chars() {
        match char {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("a word").push(char),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The request that these words make curl send.
fn request(words: &[String]) -> String {
    let (url, options) = words.split_first().expect("a URL");
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|it| it.split_once('/'))
        .expect(url);
    let mut head = format!("POST /{path} HTTP/1.1\r\nHost: {host}\r\n");
    let mut body = "";
    for option in options.chunks(2) {
        match (option[0].as_str(), option[1].as_str()) {
            ("-H", line) => head += &format!("{line}\r\n"),
            ("-d", data) => body = data,
            other => panic!("{other:?}"),
        }
    }
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// The line of a request behind its time; how long things took becomes `N ms`.
fn without_times(line: &str) -> String {
    let (time, rest) = line.split_at(9);
    let digits = time.bytes().filter(u8::is_ascii_digit).count();
    assert!(
        digits == 6 && time.matches(':').count() == 2 && time.ends_with(' '),
        "{line}"
    );
    let mut words: Vec<&str> = rest.split(' ').collect();
    for at in 1..words.len() {
        if matches!(words[at].trim_end_matches(','), "ms" | "s") {
            assert!(words[at - 1].parse::<f64>().is_ok(), "{line}");
            words[at - 1] = "N";
        }
    }
    words.join(" ").replace("N s", "N ms")
}

/// The last line, once it holds this.
fn last_line(terminal: &Terminal, part: &str) -> String {
    let text = terminal.text_with(part);
    let line = text.lines().find(|line| line.contains(part));
    without_times(line.expect("found above"))
}

#[test]
fn the_start_shows_a_request_that_works() {
    let mock = Mock::start();
    let (gateway, terminal) = Process::at_terminal("terminal-start", "{}", &[("TERM", "dumb")]);
    let message = terminal.text_with("Hello\"}]}'\n");
    let expected = format!(
        "Throughway {} listens on http://{}\n\
         Requests may go to any host and port by http and https, private ones included \
         (guard: dev)\n\
         Console: http://{}/gateway/console/#link=",
        env!("CARGO_PKG_VERSION"),
        gateway.address,
        gateway.address
    );
    let rest = message.strip_prefix(&expected);
    let (code, rest) = rest.and_then(|it| it.split_once('\n')).expect(&message);
    let introduction = "Try it, with `throughway mock` running in another terminal:\n";
    assert!(rest.starts_with(introduction), "{message}");
    let body = format!("{{\"token\":\"{code}\"}}");
    let signed_in = gateway.exchange(format!(
        "POST /gateway/admin/v1/session HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(signed_in.status, 201, "{}", signed_in.text());
    let words = curl(&message);
    assert!(words.contains(&"x-gateway-custom-host: http://127.0.0.1:9797/v1".to_owned()));
    let request = request(&words).replace("http://127.0.0.1:9797/v1", &mock.base);
    let response = gateway.exchange(&request);
    assert_eq!(response.status, 200, "{request}\n{}", response.text());
    assert!(
        response.text().contains("chat.completion"),
        "{}",
        response.text()
    );
    assert_eq!(
        last_line(&terminal, " → "),
        format!("POST /v1/chat/completions → {} 200 N ms", mock.host())
    );
}

#[test]
fn a_request_is_one_short_line() {
    let mock = Mock::start();
    let (refusing, failing) = (Refusing::new(), Upstream::failing("500 No"));
    let (gateway, terminal) = Process::at_terminal("terminal-lines", "{}", &[("TERM", "dumb")]);
    terminal.text_with("Hello");
    let target = |base: &str| format!("x-gateway-custom-host: {base}\r\n");
    let stream = r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}"#;
    let refusing_host = refusing.base().replace("http://", "").replace("/v1", "");
    let failing_host = base(&failing).replace("http://", "").replace("/v1", "");
    for (request, part, expected) in [
        (
            chat(&target(&mock.base), stream),
            "first token",
            format!("→ {} 200 first token N ms, N ms", mock.host()),
        ),
        (
            chat(&target(&base(&failing)), "{}"),
            " 500 ",
            format!("→ {failing_host} 500 N ms"),
        ),
        (chat("", "{}"), "no_target", "400 no_target: ".to_owned()),
        (
            chat(&target(&refusing.base()), "{}"),
            "unreachable",
            format!("→ {refusing_host} 502 upstream_unreachable: "),
        ),
    ] {
        gateway.exchange(&request);
        let line = last_line(&terminal, part);
        let expected = format!("POST /v1/chat/completions {expected}");
        match expected.ends_with(": ") {
            false => assert_eq!(line, expected),
            // A reason in prose follows, and the time.
            true => assert!(
                line.starts_with(&expected) && line.ends_with(", N ms"),
                "{line}"
            ),
        }
    }
    let lines = terminal
        .text()
        .lines()
        .filter(|line| line.contains("POST /v1"))
        .count();
    assert_eq!(lines, 4, "{}", terminal.text());
}

#[test]
fn colours_are_for_terminals_that_take_them_unless_somebody_objects() {
    for (variables, coloured) in [
        (&[("TERM", "xterm")][..], true),
        (&[("TERM", "xterm"), ("NO_COLOR", "")], true),
        (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
        (&[("TERM", "dumb")], false),
        (&[], false),
    ] {
        let upstream = Upstream::named("a");
        let (gateway, terminal) = Process::at_terminal("terminal-colours", "{}", variables);
        gateway.exchange(get(&upstream));
        let text = terminal.text_with(" → ");
        assert_eq!(text.contains('\u{1b}'), coloured, "{variables:?} {text:?}");
        assert_eq!(
            text.contains("\u{1b}[32m200\u{1b}[0m"),
            coloured,
            "{text:?}"
        );
    }
}

#[test]
fn the_settings_can_ask_for_json_at_a_terminal_and_for_text_elsewhere() {
    let json = "log: { format: json }\n";
    let (gateway, terminal) = Process::at_terminal("terminal-json", json, &[("TERM", "xterm")]);
    gateway.exchange(chat("", "{}"));
    let text = terminal.text_with("no_target");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    let messages: Vec<serde_json::Value> = lines.collect();
    assert_eq!(messages[0]["message"], "listening");
    assert_eq!(messages[1]["message"], "request");

    let (reader, writer) = std::io::pipe().expect("a pipe");
    let gateway = Process::logging_to("terminal-text", "log: { format: text }\n", writer);
    let mut lines = BufReader::new(reader)
        .lines()
        .map(|line| line.expect("text"));
    let start = lines.next().expect("a line");
    let address = gateway.address;
    assert!(
        start.ends_with(&format!(
            "Z INFO listening address={address} tls=false guard=dev workers=1"
        )),
        "{start}"
    );
    gateway.exchange(chat("", "{}"));
    let line = lines.next().expect("a line");
    assert!(
        line.contains("Z POST /v1/chat/completions 400 no_target: "),
        "{line}"
    );
    drop(gateway);
}

/// Requests that hold each byte in their path, their host and a header of ours.
fn hostile_requests() -> Vec<Vec<u8>> {
    let mut requests = Vec::new();
    for byte in 0..=u8::MAX {
        let request = |path: &[u8], host: &[u8], target: &[u8]| {
            let parts: [&[u8]; 7] = [
                b"GET /v1/",
                path,
                b" HTTP/1.1\r\nHost: ",
                host,
                b"\r\nConnection: close\r\nx-gateway-custom-host: http://127.0.0.1:9/",
                target,
                b"\r\n\r\n",
            ];
            parts.concat()
        };
        requests.push(request(&[b'a', byte, b'z'], b"localhost", b""));
        requests.push(request(b"models", &[b'a', byte, b'z'], b""));
        requests.push(request(b"models", b"localhost", &[b'a', byte, b'z']));
    }
    let forged = b"models%0a12:00:00%20GET%20/forged";
    requests.push(
        [
            b"GET /v1/",
            &forged[..],
            b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        ]
        .concat(),
    );
    requests
}

/// Sends each on a connection of its own, and reads what comes.
fn send_all(gateway: &Process, requests: &[Vec<u8>]) {
    for request in requests {
        let mut stream = TcpStream::connect(gateway.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.write_all(request).expect("it reads");
        let ended = stream.read_to_end(&mut Vec::new());
        if let Err(error) = ended {
            // It may close before it has read all.
            assert_eq!(
                error.kind(),
                ErrorKind::ConnectionReset,
                "{}",
                show(request)
            );
        }
    }
}

#[test]
fn no_byte_of_a_request_breaks_or_forges_a_line_of_text() {
    let (gateway, terminal) = Process::at_terminal("terminal-bytes", "{}", &[("TERM", "dumb")]);
    let start = terminal.text_with("Hello\"}]}'\n").len();
    send_all(&gateway, &hostile_requests());
    gateway.exchange("GET /v1/last HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let text = terminal.text_with("/v1/last");
    let counted = gateway.metric("throughway_requests_received_total");
    let mut lines = 0;
    for line in text[start..].lines().filter(|line| !line.is_empty()) {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        without_times(line);
        lines += 1;
    }
    assert_eq!(lines, counted, "{text}");
    assert!(counted > 100, "{counted}");
}

#[test]
fn no_byte_of_a_request_breaks_or_forges_a_line_of_json() {
    let gateway = Process::serving("json-bytes", "{}");
    send_all(&gateway, &hostile_requests());
    let log = gateway.log_until_now();
    let counted = gateway.metric("throughway_requests_received_total");
    let mut lines = 0;
    for line in log.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let value: serde_json::Value = serde_json::from_str(line).expect(line);
        lines += i64::from(value["message"] == "request");
    }
    assert_eq!(lines, counted, "{log}");
}
