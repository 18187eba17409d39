//! Keys in configs and settings stay out of logs, metrics and refusals, at any log level.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use crate::support::{
    Client, Upstream,
    routing::{base, base64, chat, config_line, json, raw_response},
};

/// The program itself, with everything logged.
struct Program {
    child: Child,
    log: BufReader<std::process::ChildStderr>,
    head: String,
    address: SocketAddr,
}

impl Program {
    fn logging_everything(yaml: &str) -> Self {
        let name = format!("throughway-credentials-{}.yaml", std::process::id());
        let settings = std::env::temp_dir().join(name);
        let all = format!("listen: 127.0.0.1:0\nlog: {{ level: trace, format: json }}\n{yaml}");
        std::fs::write(&settings, all).expect("a file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_throughway"))
            .env_clear()
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
        let _ = std::fs::remove_file(&settings);
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
        }
    }

    fn ask(&self, request: String) -> String {
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
    }
}

#[test]
fn no_log_line_no_refusal_and_no_metric_tells_a_key() {
    let (first, second) = (
        Upstream::responding(raw_response("429 Slow", "retry-after-ms: 1\r\n", "later")),
        Upstream::named("b"),
    );
    let (one, two) = (base(&first), base(&second));
    let token = r#"{"access_token":"sekret-token","expires_in":3600}"#;
    let tokens = Upstream::responding(json("200 OK", token)).address;
    let refused = r#"{"error":"sekret-error","error_description":"sekret"}"#;
    let refusing = Upstream::responding(json("400 No", refused)).address;
    let program = Program::logging_everything(&format!(
        r#"
providers:
  op: {{ custom_host: "{one}?key=sekret-query", api_key: sekret-key,
    headers: {{ x-t: sekret-header }} }}
  bearer: {{ custom_host: "{one}", credential: {{ bearer: sekret-bearer }} }}
  header: {{ custom_host: "{one}", credential: {{ header: {{ x-k: sekret-header }} }} }}
  query: {{ custom_host: "{one}", credential: {{ query: {{ k: sekret-query }} }} }}
  basic: {{ custom_host: "{one}", credential: {{ basic: {{ user: u, password: sekret }} }} }}
  aws: {{ custom_host: "{one}", credential: {{ aws_sigv4: {{ access_key_id: sekret-id,
    secret_access_key: sekret-access, session_token: sekret-session, region: r, service: s }} }} }}
  google: {{ custom_host: "{one}",
    credential: {{ google: {{ metadata_server: "{tokens}" }} }} }}
  refused: {{ custom_host: "{one}",
    credential: {{ google: {{ metadata_server: "{refusing}" }} }} }}
configs:
  chain: {{ strategy: {{ mode: fallback }}, targets: [{{ provider: "@op" }},
    {{ custom_host: "{two}", api_key: sekret-saved }}] }}
"#
    ));
    let caller =
        "Authorization: Bearer sekret-caller\r\nx-gateway-metadata: {\"user\":\"sekret-user\"}\r\n";
    let inline = format!(
        r#"{{"strategy":{{"mode":"fallback","cb_config":{{"failure_threshold":1,
           "cooldown_interval":60000}}}},
           "retry":{{"attempts":1,"use_retry_after_header":true}},
           "hedge":{{"after":1,"max_ratio":1}},
           "targets":[{{"custom_host":"{one}?api_key=sekret-base","api_key":"sekret-inline"}},
           {{"custom_host":"{two}",
           "headers":{{"x-mine":"sekret-line"}},"override_params":{{"user":"sekret-param"}}}}]}}"#
    );
    let mut responses = String::new();
    for (lines, body) in [
        (config_line("chain"), r#"{"model":"m"}"#),
        (
            config_line(&inline),
            r#"{"model":"m","user":"sekret-body"}"#,
        ),
        (
            config_line(&base64(&inline)),
            r#"{"model":"m","user":"sekret-body"}"#,
        ),
        (config_line(&inline), "sekret, no json"),
        ("x-gateway-provider: @op\r\n".to_owned(), r#"{"model":"m"}"#),
        (String::new(), r#"{"model":"@op/sekret-model"}"#),
        (config_line("sekret-name"), "{}"),
        (config_line(r#"{"api_key":"sekret-inline"}"#), "{}"),
        (config_line(r#"{"api_kye":"sekret-inline"}"#), "{}"),
        (config_line(r#"{"api_key":"sekret-inline""#), "{}"),
        (
            config_line(r#"{"custom_host":"http://10.0.0.1?key=sekret","api_key":7}"#),
            "{}",
        ),
        (
            format!("x-gateway-provider: @op\r\nx-gateway-custom-host: {two}?key=sekret\r\n"),
            "{}",
        ),
        (config_line("chain") + "x-gateway-dry-run: true\r\n", "{}"),
    ] {
        responses.push_str(&program.ask(chat(&(lines + caller), body)));
    }
    for scheme in [
        "bearer", "header", "query", "basic", "aws", "google", "refused",
    ] {
        for more in ["", "x-gateway-dry-run: true\r\n"] {
            let lines = format!("x-gateway-provider: @{scheme}\r\n{more}");
            responses.push_str(&program.ask(chat(&(lines + caller), "{}")));
        }
    }
    responses.push_str(
        &program.ask("GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned()),
    );
    let log = program.log();
    assert!(
        log.matches("\"message\":\"request\"").count() >= 13,
        "{log}"
    );
    for text in [log, responses] {
        let told: Vec<_> = text
            .lines()
            .filter(|line| line.contains("sekret"))
            .collect();
        assert_eq!(told, Vec::<&str>::new());
    }
    assert!(second.count() > 0);
}
