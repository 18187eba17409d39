//! Rate limits that replicas share in a Redis cluster, while all nodes work and while one does not.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use crate::support::{
    Process, Redis, Upstream, eventually, let_pass,
    replicas::{replica, request, settled},
};

const CALLERS: usize = 30;
/// More than the load sends.
const LIMIT: &str = "{ requests: 100000, window: 1h, by: caller }";
/// Of the settings.
const MORE: &str = ", cluster: true, timeout: 500ms";

/// The same request of another caller.
fn of_caller(request: &str, caller: &str) -> String {
    let line = format!("Authorization: Bearer sk-{caller}\r\n\r\n");
    request.replacen("\r\n\r\n", &format!("\r\n{line}"), 1)
}

#[test]
fn a_cluster_counts_too() {
    let (redis, upstream) = (Redis::cluster(), Upstream::ok());
    let limit = "{ requests: 2, window: 1h, concurrent: 5, by: caller }, { requests: 50, window: \
                 1h, by: origin }";
    let [one, two] =
        ["cluster-1", "cluster-2"].map(|name| replica(name, &redis, limit, ", cluster: true"));
    settled(&[&one, &two]);
    let request = request(&upstream);
    let statuses = [&one, &two, &one].map(|process| process.exchange(&request).status);
    assert_eq!(statuses, [200, 200, 429]);
    for caller in 0..CALLERS {
        let other = of_caller(&request, &caller.to_string());
        assert_eq!(two.exchange(&other).status, 200, "{caller}");
    }
    let keys = redis.keys_by_node();
    assert!(keys.iter().all(|count| *count > 0), "{keys:?}");
    for process in [&one, &two] {
        assert_eq!(process.metric("throughway_redis_failures_total"), 0);
    }
}

/// Sends from many callers to both while `meanwhile` runs; none may fail.
fn under_load(processes: [&Process; 2], request: &str, meanwhile: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..8 {
            let (process, stop) = (processes[number % 2], &stop);
            scope.spawn(move || {
                let mut client = process.client();
                for caller in (0..CALLERS).cycle() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    client.send(of_caller(request, &format!("load-{caller}")));
                    assert_eq!(client.response().status, 200);
                    // The pace of the load.
                    let_pass(Duration::from_millis(2));
                }
            });
        }
        meanwhile();
        stop.store(true, Ordering::Relaxed);
    });
}

fn failures(processes: [&Process; 2]) -> [i64; 2] {
    processes.map(|it| it.metric("throughway_redis_failures_total"))
}

/// Waits until every question of the load is answered.
fn all_is_shared(processes: [&Process; 2]) {
    let mut before = failures(processes);
    eventually("all is counted in the cluster", || {
        // Nothing fails for longer than the pause after a failure.
        let_pass(Duration::from_secs(2));
        std::mem::replace(&mut before, failures(processes)) == before
    });
    for process in processes {
        assert_eq!(process.metric("throughway_redis_up"), 1);
    }
}

/// What the log says of Redis.
fn news(process: &Process) -> Vec<String> {
    let log = process.log();
    let lines = log.lines().filter(|line| line.contains("redis"));
    lines.map(str::to_owned).collect()
}

#[test]
fn when_a_node_of_a_cluster_dies_nothing_fails_and_its_stand_in_counts_on() {
    let (mut redis, upstream) = (Redis::cluster(), Upstream::ok());
    redis.add_stand_in();
    let [one, two] = ["stand-in-1", "stand-in-2"].map(|name| replica(name, &redis, LIMIT, MORE));
    let both = [&one, &two];
    settled(&both);
    under_load(both, &request(&upstream), || {
        redis.last_of_three().kill();
        eventually("it is noticed", || {
            failures(both).iter().all(|count| *count > 0)
        });
        all_is_shared(both);
    });
    for process in both {
        let news = news(process);
        // Other nodes may have answered before the stand-in stood in.
        assert!((2..=3).contains(&news.len()), "{news:?}");
    }
}

#[test]
fn while_a_part_of_a_cluster_is_away_nothing_fails_and_the_log_is_not_full_of_it() {
    let (mut redis, upstream) = (Redis::cluster(), Upstream::ok());
    let [one, two] = ["part-1", "part-2"].map(|name| replica(name, &redis, LIMIT, MORE));
    let both = [&one, &two];
    settled(&both);
    under_load(both, &request(&upstream), || {
        redis.last_of_three().kill();
        for process in both {
            eventually("it is told that it comes and goes", || {
                news(process)
                    .last()
                    .is_some_and(|it| it.contains("comes and goes"))
            });
        }
        let before = failures(both);
        eventually("it comes and goes several times", || {
            let grown = failures(both).into_iter().zip(before);
            grown.map(|(now, before)| now - before).all(|it| it >= 3)
        });
        redis.last_of_three().restart();
        all_is_shared(both);
    });
    for process in both {
        let news = news(process);
        assert_eq!(news.len(), 3, "{news:?}");
    }
}
