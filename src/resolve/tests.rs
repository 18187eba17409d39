//! The resolver against a DNS server on loopback.

#[allow(clippy::disallowed_methods, reason = "the fake server wakes itself")]
#[path = "../../tests/wire/support/dns.rs"]
mod dns;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use self::dns::{FakeDns, Reply};
use super::hickory::Dns;
use super::system::System;
use super::*;

fn ips(written: &[&str]) -> Vec<IpAddr> {
    written.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn asking(dns: &FakeDns) -> Resolver {
    Resolver::new(&DnsSettings {
        servers: vec![dns.address()],
        timeout: Duration::from_secs(10),
    })
}

async fn resolved(resolver: &Resolver, name: &str) -> Result<Vec<IpAddr>, ResolveError> {
    resolver.resolve(name).await.map(|found| found.to_vec())
}

/// Clears the cache, as expiry would.
fn forget(resolver: &Resolver) {
    resolver.answers.invalidate_all();
}

#[tokio::test]
async fn a_name_has_the_addresses_of_both_families() {
    let dns = FakeDns::start();
    dns.answer(
        "both.test",
        Reply::addresses(&["192.0.2.1", "2001:db8::1", "192.0.2.2"]),
    );
    dns.answer("four.test", Reply::addresses(&["192.0.2.4"]));
    dns.answer("six.test", Reply::addresses(&["2001:db8::6"]));
    dns.answer("my_vllm", Reply::addresses(&["192.0.2.5"]));
    let resolver = asking(&dns);
    for (name, expected) in [
        ("both.test", &["192.0.2.1", "2001:db8::1", "192.0.2.2"][..]),
        ("BOTH.test.", &["192.0.2.1", "2001:db8::1", "192.0.2.2"]),
        ("four.test", &["192.0.2.4"]),
        ("six.test", &["2001:db8::6"]),
        ("my_vllm", &["192.0.2.5"]),
    ] {
        assert_eq!(resolved(&resolver, name).await, Ok(ips(expected)), "{name}");
    }
}

#[tokio::test]
async fn a_chain_of_aliases_is_followed_to_its_addresses() {
    let dns = FakeDns::start();
    let reply = Reply::addresses(&["192.0.2.1", "2001:db8::1"]);
    dns.answer("alias.test", reply.through(&["b.test", "c.test"]));
    dns.answer("split.test", Reply::addresses(&[]).through(&["end.test"]));
    dns.answer("end.test", Reply::addresses(&["192.0.2.9"]));
    let resolver = asking(&dns);
    let expected = ips(&["192.0.2.1", "2001:db8::1"]);
    assert_eq!(resolved(&resolver, "alias.test").await, Ok(expected));
    assert_eq!(
        resolved(&resolver, "split.test").await,
        Ok(ips(&["192.0.2.9"]))
    );
}

#[tokio::test]
async fn all_of_twenty_addresses_are_told_so_that_the_rules_can_refuse_them() {
    let dns = FakeDns::start();
    let many: Vec<String> = (1..=20).map(|n| format!("192.0.2.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    dns.answer("many.test", Reply::addresses(&many));
    assert_eq!(
        resolved(&asking(&dns), "many.test").await.unwrap().len(),
        20
    );
}

#[tokio::test]
async fn an_answer_too_long_for_udp_is_fetched_over_tcp() {
    let dns = FakeDns::start();
    dns.answer("long.test", Reply::addresses(&["192.0.2.1"]).truncated());
    assert_eq!(
        resolved(&asking(&dns), "long.test").await,
        Ok(ips(&["192.0.2.1"]))
    );
}

#[tokio::test]
async fn what_does_not_exist_fails_and_is_asked_for_once() {
    let dns = FakeDns::start();
    dns.answer("empty.test", Reply::addresses(&[]));
    let resolver = asking(&dns);
    for name in ["missing.test", "empty.test"] {
        for _ in 0..3 {
            assert_eq!(resolved(&resolver, name).await, Err(ResolveError::NotFound));
        }
        assert_eq!(dns.queries(name), 2, "{name}");
    }
}

#[tokio::test]
async fn a_server_failure_is_a_failure_and_is_not_kept() {
    let dns = FakeDns::start();
    dns.answer("broken.test", Reply::servfail());
    let resolver = asking(&dns);
    let error = resolved(&resolver, "broken.test").await.unwrap_err();
    assert!(matches!(error, ResolveError::Failed(_)), "{error:?}");
    dns.answer("broken.test", Reply::addresses(&["192.0.2.1"]));
    assert_eq!(
        resolved(&resolver, "broken.test").await,
        Ok(ips(&["192.0.2.1"]))
    );
}

#[tokio::test]
async fn a_silent_server_is_given_up_after_the_timeout() {
    let dns = FakeDns::start();
    dns.answer("silent.test", Reply::silence());
    let resolver = Resolver::new(&DnsSettings {
        servers: vec![dns.address()],
        timeout: Duration::from_millis(50),
    });
    let started = std::time::Instant::now();
    let outcome = resolved(&resolver, "silent.test").await;
    assert_eq!(outcome, Err(ResolveError::Timeout));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn silence_for_one_family_does_not_hold_up_the_other() {
    let dns = FakeDns::start();
    let reply = Reply::addresses(&["192.0.2.1", "2001:db8::1"]);
    dns.answer("half.test", reply.silent_for_ipv6());
    let started = std::time::Instant::now();
    assert_eq!(
        resolved(&asking(&dns), "half.test").await,
        Ok(ips(&["192.0.2.1"]))
    );
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_answer_is_kept_and_a_later_one_may_differ() {
    let dns = FakeDns::start();
    dns.script(
        "rebound.test",
        vec![
            Reply::addresses(&["192.0.2.1"]).ttl(60),
            Reply::addresses(&["127.0.0.1"]).ttl(60),
        ],
    );
    let resolver = asking(&dns);
    for _ in 0..3 {
        assert_eq!(
            resolved(&resolver, "rebound.test").await,
            Ok(ips(&["192.0.2.1"]))
        );
    }
    assert_eq!(dns.queries("rebound.test"), 2);
    forget(&resolver);
    assert_eq!(
        resolved(&resolver, "rebound.test").await,
        Ok(ips(&["127.0.0.1"]))
    );
}

#[tokio::test]
async fn callers_that_ask_together_share_one_look_up() {
    let dns = FakeDns::start();
    dns.answer("shared.test", Reply::addresses(&["192.0.2.1"]));
    dns.hold();
    let resolver = asking(&dns);
    let ask = || resolved(&resolver, "shared.test");
    let release = async {
        // All three have been polled once: one queries, two wait.
        dns.release();
    };
    let (a, b, c, ()) = tokio::join!(biased; ask(), ask(), ask(), release);
    assert_eq!([a, b, c], [0; 3].map(|_| Ok(ips(&["192.0.2.1"]))));
    assert_eq!(dns.queries("shared.test"), 2);
}

#[tokio::test]
async fn when_the_caller_that_asks_goes_away_another_asks() {
    let dns = FakeDns::start();
    dns.answer("left.test", Reply::addresses(&["192.0.2.1"]));
    dns.hold();
    let resolver = asking(&dns);
    let mut leader = Box::pin(resolver.resolve("left.test"));
    let mut waiter = Box::pin(resolver.resolve("left.test"));
    tokio::select! {
        biased;
        _ = &mut leader => panic!("resolved too early"),
        _ = &mut waiter => panic!("resolved too early"),
        () = std::future::ready(()) => {}
    }
    drop(leader);
    dns.release();
    assert_eq!(
        waiter.await.map(|found| found.to_vec()),
        Ok(ips(&["192.0.2.1"]))
    );
}

#[test]
fn one_resolver_serves_runtimes_that_start_and_stop() {
    let dns = FakeDns::start();
    let resolver = Arc::new(asking(&dns));
    let ask = |name: String| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(resolver.resolve(&name)).unwrap()
    };
    for turn in 0..3 {
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let name = format!("worker{worker}-turn{turn}.test");
                dns.answer(&name, Reply::addresses(&["192.0.2.1"]));
                scope.spawn(|| ask(name));
            }
        });
    }
}

#[test]
fn callers_on_different_runtimes_share_one_look_up() {
    let dns = FakeDns::start();
    dns.answer("across.test", Reply::addresses(&["192.0.2.1"]));
    dns.hold();
    let resolver = asking(&dns);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                let found = runtime
                    .unwrap()
                    .block_on(resolved(&resolver, "across.test"));
                assert_eq!(found, Ok(ips(&["192.0.2.1"])));
            });
        }
        dns.wait_for_queries("across.test", 1);
        dns.release();
    });
    // A caller that came after the response found it in the cache.
    assert_eq!(dns.queries("across.test"), 2);
}

#[tokio::test]
async fn literals_and_localhost_are_known_without_asking() {
    let dns = FakeDns::start();
    let resolver = asking(&dns);
    for (name, expected) in [
        ("localhost", &["127.0.0.1", "::1"][..]),
        ("LOCALHOST.", &["127.0.0.1", "::1"]),
        ("app.localhost", &["127.0.0.1", "::1"]),
        ("192.0.2.7", &["192.0.2.7"]),
        ("::ffff:10.0.0.1", &["::ffff:10.0.0.1"]),
    ] {
        assert_eq!(resolved(&resolver, name).await, Ok(ips(expected)), "{name}");
    }
    let notlocalhost = resolved(&resolver, "notlocalhost").await;
    assert_eq!(notlocalhost, Err(ResolveError::NotFound));
    assert_eq!(dns.names(), ["notlocalhost", "notlocalhost"]);
}

#[tokio::test]
async fn what_is_no_dns_name_fails_without_asking() {
    let dns = FakeDns::start();
    let resolver = asking(&dns);
    for name in ["", ".", "a..b", &"a".repeat(64), "a b", "ä.test"] {
        let outcome = resolved(&resolver, name).await;
        assert!(outcome.is_err(), "{name}: {outcome:?}");
    }
    assert_eq!(dns.names(), Vec::<String>::new());
}

#[test]
fn search_domains_are_tried_in_the_order_of_resolv_conf() {
    let dns = Dns {
        servers: Vec::new(),
        search: vec!["one.test".parse().unwrap(), "two.test.".parse().unwrap()],
        ndots: 2,
    };
    for (name, expected) in [
        ("a", &["a.one.test.", "a.two.test.", "a."][..]),
        ("a.b", &["a.b.one.test.", "a.b.two.test.", "a.b."]),
        ("a.b.c", &["a.b.c.", "a.b.c.one.test.", "a.b.c.two.test."]),
        ("a.", &["a."]),
    ] {
        let candidates = dns.candidates(name).unwrap();
        let candidates: Vec<String> = candidates.iter().map(ToString::to_string).collect();
        assert_eq!(candidates, expected, "{name}");
    }
}

/// A temporary directory with a hosts file and a resolv.conf, removed when dropped.
struct Files(std::path::PathBuf);

impl Files {
    fn new(hosts: &str, resolv_conf: Option<&str>) -> Self {
        let folder = std::env::temp_dir().join(uuid::Uuid::now_v7().to_string());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("hosts"), hosts).unwrap();
        if let Some(text) = resolv_conf {
            std::fs::write(folder.join("resolv.conf"), text).unwrap();
        }
        Self(folder)
    }

    fn resolver(&self) -> Resolver {
        let system = System::with_files(self.0.join("hosts"), self.0.join("resolv.conf"));
        Resolver::with_source(Source::System(system), Duration::from_secs(10))
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_hosts_file_works_without_a_dns_configuration_and_says_what_is_missing() {
    let files = Files::new("10.0.0.7 my-vllm vllm.lan my_vllm # ours\n::1 six\n", None);
    let resolver = files.resolver();
    assert!(resolver.problem().unwrap().contains("resolv.conf"));
    for name in ["my-vllm", "My-vLLM", "vllm.lan", "vllm.lan.", "my_vllm"] {
        assert_eq!(
            resolved(&resolver, name).await,
            Ok(ips(&["10.0.0.7"])),
            "{name}"
        );
    }
    let error = resolved(&resolver, "other.lan").await.unwrap_err();
    assert!(error.to_string().contains("resolv.conf"), "{error}");
}

#[tokio::test]
async fn changed_system_files_are_read_again() {
    let files = Files::new(
        "10.0.0.7 my-vllm\n",
        Some("nameserver 127.0.0.1\nsearch lan\n"),
    );
    let resolver = files.resolver();
    assert_eq!(resolver.problem(), None);
    assert_eq!(resolved(&resolver, "my-vllm").await, Ok(ips(&["10.0.0.7"])));
    std::fs::write(files.0.join("hosts"), "10.0.0.70 my-vllm\n").unwrap();
    std::fs::write(files.0.join("resolv.conf"), "").unwrap();
    forget(&resolver);
    assert_eq!(
        resolved(&resolver, "my-vllm").await,
        Ok(ips(&["10.0.0.70"]))
    );
    assert!(resolver.problem().is_some());
}
