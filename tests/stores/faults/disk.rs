//! A disk that fills up.

use std::path::Path;
use std::process::{Command, Output};

use super::{Row, Tables, all, but_runs, of_second_day, shop};
use crate::support::wide::{Wide, project};
use crate::support::{Project, Ran, command};

/// Runs `script` in a shell, with the command and its arguments as `$@`.
fn in_shell(project: &Project, script: &str, args: &[&str]) -> Ran {
    let own = command(project.path(), &[], args);
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(own.get_program()).args(own.get_args());
    let Output { status, stdout, stderr } =
        shell.current_dir(project.path()).env("NO_COLOR", "1").output().unwrap();
    Ran {
        code: status.code().unwrap_or_else(|| panic!("{status}: {script}")),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

/// Whether a process may have a small file system of its own here.
fn has_small_disks(folder: &Path) -> bool {
    let script = "mount -t tmpfs -o size=8k tmpfs \"$1\"";
    let tried =
        Command::new("unshare").args(["-rm", "sh", "-c", script, "sh"]).arg(folder).output();
    let has = tried.is_ok_and(|tried| tried.status.success());
    #[expect(clippy::print_stderr, reason = "a test that is left out says so")]
    if !has {
        eprintln!("left out: no file system can be mounted here, so none of a few kB");
    }
    has
}

/// Tables on a disk of every size, from nothing up to what they need; the disk is gone when its process ends, so what is on it is
/// copied before.
#[test]
fn a_disk_may_be_full_at_any_byte_of_the_tables() {
    let shop = shop();
    std::fs::create_dir(shop.path().join("disk")).unwrap();
    if !has_small_disks(&shop.path().join("disk")) {
        return;
    }
    shop.verdict(&of_second_day("whole")).exits(0);
    let whole = but_runs(shop.files("whole"));
    let mut row = Row::new("a disk of 4, 8, 12, … kB for the tables");
    let step = if all() { 1 } else { 6 };
    for pages in (1..).step_by(step) {
        let kept = format!("kept-{pages}");
        let script = format!(
            "unshare -rm sh -c 'mount -t tmpfs -o size={}k tmpfs disk && \"$@\"; code=$?; cp -r disk {kept}; exit $code' sh \"$@\"",
            4 * pages
        );
        let ran = in_shell(&shop, &script, &of_second_day("disk"));
        row.tried += 1;
        row.ended(&ran);
        if ran.code == 1 {
            assert!(ran.stderr.contains("the disk is full ("), "{}", ran.stderr);
        }
        row.repairs(&but_runs(shop.files(&kept)), [&whole, &whole], || {
            shop.verdict(&of_second_day(&kept)).exits(0);
            but_runs(shop.files(&kept))
        });
        if ran.code == 0 {
            break;
        }
    }
    assert!(row.tried > whole.len() / step, "each partition takes a page at least: {row:?}");
    row.account();
}

/// A file may not grow beyond a limit: the first limits stop a table, the others the files that are spilled to, which take 11 MB where
/// the largest table has 2. A signal that would end the process is ignored, so that a write fails as on a full disk.
#[test]
fn a_disk_may_be_full_while_spilling() {
    let wide = project("tables", Wide { units: 40_000, sums: 6, shops: 20_000, buckets: 4 });
    let spilling = ["--memory", "64MiB", "--spill-dir", "spill", "--threads", "2"];
    let run = [&["run", "--date", "2024-01-01", "--quiet"], &spilling[..]].concat();
    let without = ["run", "--date", "2024-01-01", "--quiet", "--tables", "whole"];
    wide.verdict(&without).exits(0);
    let whole = but_runs(wide.files("whole"));
    let mut row = Row::new("no file beyond a size: tables, spilled files");
    let sizes: &[(u32, &str)] = match all() {
        true => &[
            (1, "tables"),
            (512, "tables"),
            (1024, "tables"),
            (3072, "spill"),
            (5120, "spill"),
            (8192, "spill"),
        ],
        false => &[(1024, "tables"), (5120, "spill")],
    };
    for (kb, what) in sizes {
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kb * 2);
        let ran = in_shell(&wide, &script, &run).exits(1);
        row.tried += 1;
        row.ended(&ran);
        let words = match *what {
            "tables" => "the disk is full (",
            _ => {
                "the disk that is spilled to is full (File too large (os error 27)): free space there, or name another folder \
                  (--spill-dir)"
            }
        };
        assert!(ran.stderr.contains(words), "{kb} kB: {}", ran.stderr);
        assert_eq!(wide.files("spill"), [], "what was spilled is removed");
        let found: Tables = but_runs(wide.files("tables"));
        assert_eq!(found.is_empty(), *what == "tables", "{kb} kB: {:?}", found.keys());
        row.repairs(&found, [&whole, &whole], || {
            wide.verdict(&run).exits(0);
            but_runs(wide.files("tables"))
        });
        std::fs::remove_dir_all(wide.path().join("tables")).unwrap();
    }
    row.account();
}
