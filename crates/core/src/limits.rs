//! How much memory and how many threads a job may use, unless the user says: what the command line and Python share.

use std::fs;

use crate::{Error, Result};

/// A size such as `2G`, `512M`, `1.5GiB` or `1000000`, in bytes; `K`, `M`, `G`, `T` are powers of 1024.
///
/// # Errors
/// If it is not a positive size.
pub fn parse_size(text: &str) -> Result<u64> {
    let wrong = || Error::argument(format!("'{text}' is not a size")).hint("write for example 2G, 512M or 1.5G");
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit.to_ascii_uppercase().trim_end_matches("IB").trim_end_matches('B') {
        "" => 1.0,
        "K" => 1024.0,
        "M" => 1024.0 * 1024.0,
        "G" => 1024.0 * 1024.0 * 1024.0,
        "T" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let value = number.parse::<f64>().map_err(|_| wrong())? * scale;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range by the check")]
    if (1.0..1e18).contains(&value) { Ok(value as u64) } else { Err(wrong()) }
}

/// The default budget and where it comes from: 80 % of the smallest of the job's limit (SLURM), the container's limit
/// (cgroup) and the physical memory.
pub fn default_budget() -> (u64, &'static str) {
    let mut limits = vec![(physical().unwrap_or(4 << 30), "physical memory")];
    limits.extend(cgroup().map(|limit| (limit, "the cgroup limit")));
    limits.extend(slurm().map(|limit| (limit, "the SLURM limit")));
    let (limit, origin) = limits.into_iter().min().unwrap_or((4 << 30, "a guess"));
    (limit / 5 * 4, origin)
}

/// The default number of threads: what SLURM gives the task, or the processors the process may use.
pub fn default_threads() -> usize {
    let slurm = std::env::var("SLURM_CPUS_PER_TASK").ok().and_then(|text| text.parse().ok());
    slurm.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1)
}

fn physical() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

fn cgroup() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    // A limit of any ancestor holds.
    let mut folder = std::path::PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let mut least = None;
    while folder.starts_with("/sys/fs/cgroup") {
        let limit = fs::read_to_string(folder.join("memory.max")).ok().and_then(|text| text.trim().parse().ok());
        least = [least, limit].into_iter().flatten().min();
        folder.pop();
    }
    let old = fs::read_to_string("/sys/fs/cgroup/memory/memory.limit_in_bytes").ok();
    let old = old.and_then(|text| text.trim().parse().ok()).filter(|&limit: &u64| limit < 1 << 60);
    [least, old].into_iter().flatten().min()
}

fn slurm() -> Option<u64> {
    let megabytes = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let per_cpu = megabytes("SLURM_MEM_PER_CPU").zip(megabytes("SLURM_CPUS_ON_NODE")).map(|(mem, cpus)| mem * cpus);
    megabytes("SLURM_MEM_PER_NODE").or(per_cpu).map(|megabytes| megabytes << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("2G").unwrap(), 2 << 30);
        assert_eq!(parse_size("512MiB").unwrap(), 512 << 20);
        assert_eq!(parse_size("1.5k").unwrap(), 1536);
        assert_eq!(parse_size("1000").unwrap(), 1000);
        for wrong in ["", "G", "-1", "2X", "0"] {
            assert!(parse_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn there_is_always_a_default() {
        assert!(default_budget().0 > 0);
        assert!(default_threads() > 0);
    }
}
