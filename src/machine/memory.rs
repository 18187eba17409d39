//! How much memory the process may use: that of the machine, or the smallest limit of the control
//! groups above the process.

use std::path::Path;

const PROC: &str = "/proc";
const GROUPS: &str = "/sys/fs/cgroup";

/// The lower and upper bound of the default memory for request bodies, and its fraction of the
/// available memory.
const LEAST: u64 = 64 << 20;
const MOST: u64 = 1 << 30;
const PART: u64 = 8;

/// The default memory for request bodies: an eighth of the available memory, within bounds.
pub fn for_bodies() -> u64 {
    for_bodies_of(available(Path::new(PROC), Path::new(GROUPS)))
}

/// If the available memory is unknown, the lower bound is used.
fn for_bodies_of(available: Option<u64>) -> u64 {
    (available.unwrap_or_default() / PART).clamp(LEAST, MOST)
}

/// Available memory in bytes, if known.
fn available(proc: &Path, groups: &Path) -> Option<u64> {
    let machine = std::fs::read_to_string(proc.join("meminfo")).ok();
    let machine = machine.as_deref().and_then(total);
    let own = std::fs::read_to_string(proc.join("self/cgroup")).unwrap_or_default();
    let limits = own.lines().flat_map(|line| limits_of(line, groups));
    machine.into_iter().chain(limits).min()
}

/// `MemTotal` of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limits of a control group and of those above it. `line` is one of `/proc/self/cgroup`:
/// `hierarchy:controllers:path`. In a container the path may be the host's, while the group's files
/// are at the top of `groups`.
fn limits_of(line: &str, groups: &Path) -> Vec<u64> {
    let mut parts = line.splitn(3, ':');
    let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
    else {
        return Vec::new();
    };
    let (top, file) = match controllers {
        // Control groups version 2.
        "" => (groups.to_owned(), "memory.max"),
        _ if controllers.split(',').any(|it| it == "memory") => {
            (groups.join("memory"), "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let path = Path::new(path.trim_start_matches('/'));
    let limit = |group: &Path| {
        let text = std::fs::read_to_string(top.join(group).join(file)).ok()?;
        // `max` means no limit.
        text.trim().parse().ok()
    };
    path.ancestors().filter_map(limit).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    /// A directory for this test with these files.
    fn files(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = std::env::temp_dir().join(format!("memory-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        root
    }

    #[test]
    fn the_smallest_limit_of_machine_and_control_groups_counts() {
        let meminfo = ("proc/meminfo", "MemFree: 1 kB\nMemTotal:  8000000 kB\n");
        let machine = 8_000_000 * 1024;
        for (name, more, expected) in [
            ("none", &[][..], Some(machine)),
            (
                "v2",
                &[
                    ("proc/self/cgroup", "0::/a/b\n"),
                    ("groups/a/b/memory.max", "max\n"),
                    ("groups/a/memory.max", "5000000\n"),
                ],
                Some(5_000_000),
            ),
            (
                "v2-larger",
                &[
                    ("proc/self/cgroup", "0::/a\n"),
                    ("groups/a/memory.max", "9000000000000\n"),
                ],
                Some(machine),
            ),
            (
                "v2-in-a-container",
                &[
                    ("proc/self/cgroup", "0::/host/path\n"),
                    ("groups/memory.max", "7000000\n"),
                ],
                Some(7_000_000),
            ),
            (
                "v1",
                &[
                    (
                        "proc/self/cgroup",
                        "5:cpu,cpuacct:/x\n4:memory:/docker/abc\n",
                    ),
                    (
                        "groups/memory/docker/abc/memory.limit_in_bytes",
                        "6000000\n",
                    ),
                    (
                        "groups/memory/memory.limit_in_bytes",
                        "9223372036854771712\n",
                    ),
                ],
                Some(6_000_000),
            ),
            (
                "nonsense",
                &[
                    ("proc/self/cgroup", "\n:\n0:\n4:memory\n0::/a\n"),
                    ("groups/a/memory.max", "lots\n"),
                ],
                Some(machine),
            ),
        ] {
            let root = files(name, &[&[meminfo][..], more].concat());
            let got = available(&root.join("proc"), &root.join("groups"));
            assert_eq!(got, expected, "{name}");
            fs::remove_dir_all(root).expect("it is there");
        }
        assert_eq!(available(Path::new("/none"), Path::new("/none")), None);
    }

    #[test]
    fn bodies_get_an_eighth_within_bounds() {
        for (available, expected) in [
            (None, LEAST),
            (Some(0), LEAST),
            (Some(256 << 20), LEAST),
            (Some(2 << 30), 256 << 20),
            (Some(1 << 40), MOST),
        ] {
            assert_eq!(for_bodies_of(available), expected);
        }
    }
}
