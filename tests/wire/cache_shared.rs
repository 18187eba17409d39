//! Responses that replicas share in Redis, while it works and while it does not.

use crate::support::{
    Process, Redis, Upstream,
    caching::{Ask, JSON, keeping_in, numbering, playing, status},
    eventually,
    routing::{Gate, completion, raw_response},
    stays,
};

#[test]
fn replicas_share_stored_responses_and_purges() {
    for cluster in [false, true] {
        let redis = match cluster {
            true => Redis::cluster(),
            false => Redis::start(),
        };
        let upstream = numbering("200 OK", JSON);
        let replica = |name: &str| {
            let url = redis.url();
            Process::serving(
                &format!("cache-{name}-{cluster}"),
                &format!(
                    "admin_token: secret\ncache: {{ store: redis, url: \"{url}\", cluster: \
                     {cluster}, timeout: 5s }}"
                ),
            )
        };
        let [one, two] = ["one", "two"].map(replica);
        let ask = Ask::of(&upstream);
        let named = Ask {
            lines: "x-gateway-cache-namespace: team\r\n",
            ..ask.clone()
        };
        let at = |process: &Process, ask: &Ask| status(&process.exchange(ask.text())).to_owned();
        for process in [&one, &two] {
            eventually("redis is known", || {
                let page = process.exchange(
                    "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\
                                             Authorization: Bearer secret\r\n\r\n",
                );
                page.text().contains("throughway_cache_redis_up 1")
            });
        }
        assert_eq!(at(&one, &ask), "MISS");
        // A miss of the second's may still be on its way to Redis after its first hit.
        eventually("both give the same", || {
            let responses = [&one, &two].map(|process| process.exchange(ask.text()));
            responses
                .iter()
                .all(|it| status(it) == "HIT" && it.all("content-type") == ["application/json"])
                && responses[0].body == responses[1].body
        });
        at(&one, &named);
        eventually("it is kept", || at(&two, &named) == "HIT");
        let purge = |process: &Process, query: &str| {
            let line = format!(
                "DELETE /gateway/admin/v1/cache{query} HTTP/1.1\r\nHost: localhost\r\n\
                 Authorization: Bearer secret\r\n\r\n"
            );
            assert_eq!(process.exchange(line).status, 200);
        };
        purge(&one, "?namespace=team");
        assert_eq!(
            [at(&two, &named), at(&two, &ask)],
            ["MISS", "HIT"],
            "{cluster}"
        );
        purge(&two, "?all=true");
        assert_eq!(at(&one, &ask), "MISS");
    }
}

#[test]
fn purged_responses_stay_purged_when_redis_evicts_the_marks() {
    let redis = Redis::start();
    let upstream = numbering("200 OK", JSON);
    let process = keeping_in(&redis, "cache-evicted", "admin_token: secret\n");
    let named = Ask {
        lines: "x-gateway-cache-namespace: team\r\n",
        ..Ask::of(&upstream)
    };
    let send = || status(&process.exchange(named.text())).to_owned();
    let evict = || {
        let marks = redis.ask("KEYS throughway:cache:purges*").expect("keys");
        let marks: Vec<&str> = marks
            .lines()
            .filter(|line| line.starts_with("throughway:"))
            .collect();
        let count = marks.len();
        let gone = redis.ask(&format!("DEL {}", marks.join(" ")));
        assert_eq!(gone, Some(format!(":{count}\r\n")), "{marks:?}");
    };
    for query in ["?namespace=team", "?all=true"] {
        assert_eq!(send(), "MISS", "{query}");
        eventually("it is kept", || send() == "HIT");
        let page = process.exchange(format!(
            "DELETE /gateway/admin/v1/cache{query} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer secret\r\n\r\n"
        ));
        assert_eq!(page.status, 200);
        evict();
        assert_eq!(send(), "MISS", "{query}");
        eventually("it is kept again", || send() == "HIT");
        // Without a purge between, too: an eviction is a miss.
        evict();
    }
}

#[test]
fn a_store_that_fails_is_a_miss_and_no_error() {
    let mut redis = Redis::start();
    let upstream = numbering("200 OK", JSON);
    let url = redis.url();
    let process = Process::serving(
        "cache-away",
        &format!("cache: {{ store: redis, url: \"{url}\" }}"),
    );
    let ask = Ask::of(&upstream).text();
    let send = || {
        let response = process.exchange(&ask);
        (response.status, status(&response).to_owned())
    };
    eventually("it is kept", || send() == (200, "HIT".to_owned()));
    redis.kill();
    for _ in 0..20 {
        assert_eq!(send(), (200, "MISS".to_owned()));
    }
    redis.restart();
    eventually("it is kept again", || send() == (200, "HIT".to_owned()));
    let log = process.log_until_now();
    let warnings = log
        .lines()
        .filter(|line| line.contains("redis does not") || line.contains("redis answers"));
    assert_eq!(warnings.count(), 2, "{log}");
}

#[test]
fn a_stopping_process_first_stores_what_it_has_relayed() {
    let redis = Redis::start();
    let gate = Gate::default();
    let opens = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            assert!(opens.passed());
            // More than sockets hold.
            let long = completion(&"x".repeat(7 << 20));
            peer.send(raw_response("200 OK", JSON, &long));
        }
    });
    let mut process = keeping_in(&redis, "cache-stop", "");
    let mut client = process.client();
    client.send(Ask::of(&upstream).text());
    eventually("it is asked", || upstream.requests().len() == 1);
    redis.freeze(true);
    gate.open();
    assert_eq!(status(&client.response()), "MISS");
    // Nothing else keeps the process.
    drop(client);
    process.signal("TERM");
    let time = std::time::Duration::from_millis(1500);
    stays("waiting for Redis", time, || process.is_running());
    redis.freeze(false);
    assert!(process.ended().success());
    // The response, the mark of its namespace, and the one of all.
    assert_eq!(redis.keys_by_node(), [3]);
}

/// Waits for the stored entry and returns its name in Redis. Marks of purges have longer names.
fn entry_name(redis: &Redis) -> String {
    let is_entry = |line: &&str| {
        let name = line.strip_prefix("throughway:cache:");
        name.is_some_and(|it| it.len() == 64)
    };
    let mut entry = None;
    eventually("it is kept", || {
        let keys = redis.ask("KEYS throughway:cache:*").expect("a reply");
        entry = keys.lines().find(is_entry).map(str::to_owned);
        entry.is_some()
    });
    entry.expect("an entry")
}

#[test]
fn an_entry_that_was_damaged_in_redis_is_a_miss_that_is_counted_and_removed() {
    let redis = Redis::start();
    let upstream = numbering("200 OK", JSON);
    let process = keeping_in(&redis, "cache-damaged", "");
    let ask = Ask::of(&upstream).text();
    let send = || process.exchange(&ask);
    // One miss alone, so that nothing else is on its way to Redis.
    let mut last = send();
    assert_eq!(status(&last), "MISS");
    let entry = entry_name(&redis);
    let length = redis.ask(&format!("STRLEN {entry}")).expect("a reply");
    let length: usize = length
        .trim()
        .trim_start_matches(':')
        .parse()
        .expect("a number");
    let removed = |reason: &str| {
        let name = format!("throughway_cache_unusable_entries_total{{reason=\"{reason}\"}}");
        process.metric(&name)
    };
    // The last byte is the body's.
    let harm = [
        (format!("SETRANGE {entry} {} x", length - 1), "damaged"),
        (format!("SETRANGE {entry} {} xxxx", length / 2), "damaged"),
        (format!("APPEND {entry} x"), "damaged"),
        (format!("SET {entry} x"), "other_format"),
        (format!("SETRANGE {entry} 0 xxxx"), "other_format"),
    ];
    for (command, reason) in harm {
        assert_eq!(entry_name(&redis), entry, "{command}");
        let before = removed(reason);
        redis.ask(&command).expect("a reply");
        // The last response may still be joinable for a moment.
        eventually("it is a miss", || {
            let response = send();
            let is_miss = status(&response) == "MISS";
            assert_eq!(response.body == last.body, !is_miss, "{command}");
            last = response;
            is_miss
        });
        assert_eq!(removed(reason), before + 1, "{command}");
    }
}

#[test]
fn a_damaged_entry_is_removed_also_where_nothing_takes_its_place() {
    let redis = Redis::start();
    let upstream = Upstream::playing(|peer| {
        for body in ["{\"choices\":[]}", "no JSON"] {
            peer.request();
            let status = if body == "no JSON" {
                "500 No"
            } else {
                "200 OK"
            };
            peer.send(raw_response(status, JSON, body));
        }
    });
    let process = keeping_in(&redis, "cache-removed", "");
    let ask = Ask::of(&upstream).text();
    assert_eq!(process.exchange(&ask).status, 200);
    let entry = entry_name(&redis);
    redis.ask(&format!("APPEND {entry} x")).expect("a reply");
    eventually("it is sent again", || process.exchange(&ask).status == 500);
    let left = redis.ask(&format!("EXISTS {entry}"));
    assert_eq!(left.as_deref(), Some(":0\r\n"));
}

#[test]
fn an_entry_under_the_name_of_another_is_a_miss() {
    let redis = Redis::start();
    let upstream = numbering("200 OK", JSON);
    let process = keeping_in(&redis, "cache-moved", "");
    let send = |lines: &'static str| {
        let ask = Ask {
            lines,
            ..Ask::of(&upstream)
        };
        status(&process.exchange(ask.text())).to_owned()
    };
    assert_eq!(send(""), "MISS");
    let one = entry_name(&redis);
    redis.ask(&format!("RENAME {one} aside")).expect("a reply");
    assert_eq!(send("x-other: 1\r\n"), "MISS");
    let other = entry_name(&redis);
    redis
        .ask(&format!("RENAME aside {other}"))
        .expect("a reply");
    eventually("it is a miss", || send("x-other: 1\r\n") == "MISS");
}

#[test]
fn a_response_without_room_in_memory_is_fetched_again() {
    let redis = Redis::start();
    let long = completion(&"x".repeat(2 << 20));
    let upstream = playing(raw_response("200 OK", JSON, &long));
    let process = keeping_in(&redis, "cache-room", "memory: { bodies: 1MiB }\n");
    let roomy = keeping_in(&redis, "cache-roomy", "");
    let ask = Ask::of(&upstream).text();
    assert_eq!(status(&roomy.exchange(&ask)), "MISS");
    eventually("it is kept", || status(&roomy.exchange(&ask)) == "HIT");
    let asked = upstream.requests().len();
    let response = process.exchange(&ask);
    assert_eq!((status(&response), response.text()), ("MISS", long));
    assert_eq!(upstream.requests().len(), asked + 1);
}
